//! Whatever somebody writes: it is cleaned once and for all, no tag gets into its HTML, and ranks follow the formula.

use proptest::prelude::*;

use super::{
    markdown::html,
    ranking::score,
    rules::{Earlier, Verdict, judge},
    text::clean,
};

#[test]
fn what_a_reader_cannot_see_is_gone_and_what_joins_signs_stays() {
    assert_eq!(clean("  a\r\nb\rc\u{0}\u{7}\u{200b}d\u{202e}e\u{feff} \n"), "a\nb\ncde");
    assert_eq!(clean("a\n\n\n\n\nb"), "a\n\nb");
    for nothing in [
        "",
        " \n\t ",
        "\u{200b}\u{200d}\u{feff}",
        "\u{3164}\u{2800}",
        "\u{fe0f}\u{200d}\u{fe0f}",
        "\u{e0041}",
    ] {
        assert_eq!(clean(nothing), "", "{nothing:?}");
    }
    for whole in ["👩\u{200d}💻 ❤\u{fe0f}\u{200d}🔥", "می\u{200c}خواهم", "naïve – 速い", "a  \nb"]
    {
        assert_eq!(clean(whole), whole);
    }
    assert_eq!(clean("a\u{200d}b"), "ab", "nothing to join in plain letters");
}

#[test]
fn the_score_is_the_one_of_the_contract() {
    assert!((score(0, 9, 10.0) - 0.0).abs() < 1e-9);
    assert!((score(3, 0, -5.0) - 3.0).abs() < 1e-9);
    assert!((score(3, 2, 45_000.0) - 3.6).abs() < 1e-9);
    assert!((score(10, 0, 90_000.0) - 3.5355).abs() < 1e-9);
    assert!((score(1, 1, 45_000.0 * 100.0) - 0.0011).abs() < 1e-9);
}

#[test]
fn rules_refuse_insults_and_heaps_of_links_and_doubt_what_looks_like_spam() {
    let new = Earlier::default();
    for fine in [
        "vLLM beats Ollama here by 3x, see https://example.com/a and www.example.com",
        "Scunthorpe, raccoons and a cocoon in Montenegro",
        "AWQ vs GPTQ?",
    ] {
        assert_eq!(judge(fine, &new), Verdict::Fine, "{fine}");
    }
    let slur = super::rules::a_slur();
    for refused in [
        slur.clone(),
        format!("You {}S!", slur.to_uppercase()),
        slur.replace('e', "3"),
        slur.replace('e', "eeee"),
    ] {
        assert!(matches!(judge(&refused, &new), Verdict::Refused(_)), "{refused}");
    }
    let links = |count: usize| "see https://www.example.com/x ".repeat(count);
    assert!(matches!(judge(&links(6), &new), Verdict::Refused(_)));
    assert!(matches!(judge(&links(3), &new), Verdict::Doubtful(_)));
    assert_eq!(judge(&links(2), &new), Verdict::Fine);
    for doubtful in ["aaaaaaaaaaaaaaa", "THIS IS THE BEST ENGINE OF THEM ALL, BUY IT NOW", "why!!!!!!!!!!!!"]
    {
        assert!(matches!(judge(doubtful, &new), Verdict::Doubtful(_)), "{doubtful}");
    }
    let before = |text: &str| Earlier { texts: vec![text.to_owned()], lately: 1 };
    assert!(matches!(judge("Nice  run!", &before("nice run")), Verdict::Doubtful(_)));
    assert!(matches!(judge("buy https://a.example", &before("Buy: https://a.example")), Verdict::Refused(_)));
    assert!(matches!(judge("Nice run", &Earlier { lately: 10, ..new }), Verdict::Doubtful(_)));
}

#[test]
fn markdown_becomes_the_few_tags_it_may_and_the_rest_is_text() {
    let link = |to: &str, words: &str| {
        format!("<a href=\"{to}\" rel=\"nofollow ugc noopener noreferrer\">{words}</a>")
    };
    for (written, shown) in [
        (
            "plain *em* **strong** `a < b`",
            "<p>plain <em>em</em> <strong>strong</strong> <code>a &lt; b</code></p>\n".to_owned(),
        ),
        ("one\n\ntwo  \nthree", "<p>one</p>\n<p>two<br>\nthree</p>\n".to_owned()),
        ("- a\n- b\n\n1. c", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n</ol>\n".to_owned()),
        ("```rust onload=x\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n".to_owned()),
        (
            "[docs](https://example.com/a?b=1&c=%22)",
            format!("<p>{}</p>\n", link("https://example.com/a?b=1&amp;c=%22", "docs")),
        ),
        (
            "<https://example.com>",
            format!("<p>{}</p>\n", link("https://example.com/", "https://example.com")),
        ),
        ("# Big\n> quoted", "<p>Big</p>\n<p>quoted</p>\n".to_owned()),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n".to_owned()),
        ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>\n".to_owned()),
        (
            "[x](javascript:alert(1)) [y](//example.com) [z](/admin) ![alt](https://example.com/a.png)",
            "<p>x y z alt</p>\n".to_owned(),
        ),
        ("[x](https://user:pass@example.com)", "<p>x</p>\n".to_owned()),
        (
            "[x](https://example.com \"onmouseover=alert(1)\")",
            format!("<p>{}</p>\n", link("https://example.com/", "x")),
        ),
    ] {
        assert_eq!(html(written), shown, "{written}");
    }
}

/// What may stand between `<` and `>`, links apart.
const TAGS: &[&str] = &[
    "p", "/p", "em", "/em", "strong", "/strong", "code", "/code", "pre", "/pre", "ul", "/ul", "ol", "/ol",
    "li", "/li", "br", "/a",
];

/// Reads HTML as a browser would cut it, and fails at anything that isn't on the list or is closed in the wrong order.
fn check(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '"', '\'']) {
        rest = rest[at..].strip_prefix('<').ok_or_else(|| format!("a bare sign at {:?}", &rest[at..]))?;
        let end = rest.find('>').ok_or("an open tag")?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(attributes) = tag.strip_prefix("a href=\"") {
            let url = attributes.strip_suffix("\" rel=\"nofollow ugc noopener noreferrer\"");
            let url = url.ok_or_else(|| format!("attributes {attributes:?}"))?;
            let leads = url.starts_with("http://") || url.starts_with("https://");
            if !leads || url.contains(['"', '<', '>', '\'', ' ', '\n']) {
                return Err(format!("address {url:?}"));
            }
            open.push("a");
        } else if !TAGS.contains(&tag) {
            return Err(format!("tag {tag:?}"));
        } else if let Some(closed) = tag.strip_prefix('/') {
            if open.pop() != Some(closed) {
                return Err(format!("{closed:?} closes something else"));
            }
        } else if tag != "br" {
            open.push(tag);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} are open")) }
}

/// Pieces that HTML and Markdown are attacked with, and anything between them.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>",
        "</p>",
        "<a href=\"javascript:x\">",
        "](javascript:x)",
        "](https://e.example/\"onload=x)",
        "[",
        "](",
        ")",
        "![",
        "<!--",
        "-->",
        "<![CDATA[",
        "&lt;script&gt;",
        "&#106;avascript:",
        "`",
        "```\n",
        "\n\n",
        "\n- ",
        "\n1. ",
        "    ",
        "> ",
        "# ",
        "*",
        "**",
        "_",
        "<https://e.example/'>",
        "<svg/onload=x>",
        "\"",
        "'",
        "\\",
        "\u{0}",
        "\u{202e}",
        "[a]: https://e.example\n",
        "[a]",
        "<p ",
        "//",
        "data:text/html,x",
        "http://",
        "\t",
        "\n***\n",
        "\n| a |\n|---|\n",
        "[^1]",
        "~~",
        "$$",
        "<style>",
        "&",
    ]);
    prop::collection::vec(prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any::<String>()], 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_tag_and_no_attribute_outside_the_list_whatever_is_written(text in hostile()) {
        prop_assert_eq!(check(&html(&text)), Ok(()));
        prop_assert_eq!(check(&html(&clean(&text))), Ok(()));
    }

    #[test]
    fn cleaning_again_changes_nothing(text in prop_oneof![hostile(), "[a ❤\u{fe0f}\u{200d}\u{200c}\u{200b}\u{fe0e}🔥\r\n\t]{0,40}"]) {
        let once = clean(&text);
        prop_assert_eq!(clean(&once), once.clone());
        prop_assert!(once.chars().all(|sign| !sign.is_control() || sign == '\n' || sign == '\t'));
        prop_assert!(once.trim() == once);
    }

    #[test]
    fn rules_judge_anything(text in hostile(), lately in 0_usize..20) {
        let _ = judge(&clean(&text), &Earlier { texts: vec![text], lately });
    }

    #[test]
    fn a_score_grows_with_likes_and_replies_and_falls_with_age(
        likes in 0_i32..100_000, replies in 0_i32..1000, age_s in -100.0_f64..1e9, more in 1_i32..100, older in 0.0_f64..1e8,
    ) {
        let here = score(likes, replies, age_s);
        prop_assert!(here.is_finite() && here >= 0.0);
        prop_assert!(score(likes + more, replies, age_s) >= here);
        prop_assert!(score(likes, replies + more, age_s) >= here);
        prop_assert!(score(likes, replies, age_s + older) <= here);
        prop_assert!(((here * 10_000.0).round() / 10_000.0 - here).abs() < f64::EPSILON);
        if age_s <= 45_000.0 && replies == 0 {
            prop_assert!((here - f64::from(likes)).abs() < f64::EPSILON);
        }
    }
}
