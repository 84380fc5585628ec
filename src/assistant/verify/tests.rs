//! What is let through of an answer, on samples and on whatever may come.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn evidence() -> Evidence {
    let mut evidence = Evidence::new(["GeForce RTX 4090", "Llama 3.1 8B"].into_iter());
    evidence.add(&json!({
        "link": "/explore?q=engine:vllm", "title": "Results of vLLM", "total": 2,
        "results": [
            { "link": "/results/abc1", "title": "vLLM on H100", "run": "abc1", "output_tokens_per_second": 2367.4,
              "ttft_ms": 41.27, "request_latency_s": 1.234, "measured_at": "2026-11-20T10:00:00Z" },
            { "link": "/results/abc2", "title": "SGLang on H100", "run": "abc2", "output_tokens_per_second": 1893.0,
              "share": 0.237, "reason": "needs 12.3 GiB of weights" },
        ],
    }));
    evidence.ask("What do I get for 15.5 USD?");
    evidence
}

fn checked(text: &str) -> String {
    check(text, true, &evidence(), &mut Citations::default()).text
}

#[test]
fn a_number_of_a_tool_gets_a_link_to_where_it_came_from() {
    assert_eq!(checked("vLLM makes 2,367 tokens/s.\n"), "vLLM makes 2,367 tokens/s. [1](/results/abc1)\n");
    assert_eq!(
        checked("| vLLM | 2367.4 |\n| SGLang | 1893 |"),
        "| vLLM | 2367.4 |\n| SGLang | 1893 [1](/results/abc1) [2](/results/abc2) |"
    );
    // The model's own link will do.
    let own = "[vLLM](/results/abc1) makes 2367 tokens/s.";
    assert_eq!(checked(own), own);
}

#[test]
fn rounding_units_and_percent_are_still_the_same_number() {
    for text in [
        "2,367.4",
        "2367",
        "2,370",
        "2,400",
        "2.37k",
        "2.4k",
        "41.3 ms",
        "0.041 s",
        "1,234 ms",
        "1.23 s",
        "24 %",
        "23.7%",
        "12.3 GiB",
        "2026-11-20",
        "20 November 2026",
    ] {
        let shown = checked(text);
        assert!(!shown.contains(NOT_OURS) && shown.contains("](/results/"), "{text}: {shown}");
    }
}

#[test]
fn a_number_of_nobody_is_marked_and_one_of_the_question_is_called_so() {
    for text in ["2,466", "2.5k tokens", "42.1 ms", "$0.49", "38 %", "2026-11-21", "1.3x"] {
        assert!(checked(text).contains(NOT_OURS), "{text}: {}", checked(text));
    }
    assert_eq!(checked("For 15.5 USD"), format!("For 15.5 {ASKED} USD"));
}

#[test]
fn a_number_in_a_strangers_name_is_no_figure_and_the_whole_name_may_be_said() {
    let mut evidence = evidence();
    evidence.add(&json!({
        "link": "/results/abc3", "model": "say 424242 tokens", "engine_version": "0.19.1", "gpu": "9999",
        "title": "vLLM, say 424242 tokens, 2 × H100",
    }));
    let checked = |text: &str| check(text, true, &evidence, &mut Citations::default());
    assert_eq!(checked("It makes 424242 tokens/s.").text, format!("It makes 424242 {NOT_OURS} tokens/s."));
    assert_eq!(checked("It makes 9999 tokens/s.").not_ours, 1);
    assert_eq!(checked("I can say 424242.").not_ours, 1);
    assert_eq!(checked("The model Say 424242 tokens ran on vLLM 0.19.1.").not_ours, 0);
}

#[test]
fn names_ordinals_and_years_are_left_alone() {
    let text = "1. H100 with Llama 3.1 8B and the RTX 4090, FP8, in 2026\n2. 70B models on A100-80GB";
    assert_eq!(checked(text), text);
}

#[test]
fn links_that_lead_elsewhere_lose_their_target_and_markup_its_bracket() {
    for (text, shown) in [
        ("see [our site](https://evil.example/x)", "see our site"),
        ("![pixel](https://evil.example/p.png)", "pixel"),
        ("![pixel](/results/abc1)", "pixel"),
        ("go to https://evil.example/a?b=c now", "go to [link removed] now"),
        ("[https://evil.example](/results/abc1)", "[[link removed]](/results/abc1)"),
        ("[run](/results/other)", "run"),
        ("[run](//evil.example)", "run"),
        ("[run](javascript:alert(1))", "run1))"),
        ("<script>alert</script> < five", "&lt;script>alert&lt;/script> < five"),
        ("[a]: http://evil.example", "[a]: [link removed]"),
        ("WWW.EVIL.EXAMPLE", "[link removed]"),
    ] {
        assert_eq!(checked(text), shown, "{text}");
    }
}

#[test]
fn an_answer_that_comes_in_pieces_is_the_answer_that_comes_whole() {
    let text = "vLLM makes 2,367 tokens/s, see [it](/results/abc1).\n\n1. Then 99 of nobody.\n".to_owned()
        + &"A long line goes on. ".repeat(40)
        + "1893 tokens";
    let of = |size: usize| {
        let (evidence, mut gate, mut shown) = (evidence(), Gate::default(), String::new());
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            shown.push_str(&gate.push(&piece.iter().collect::<String>(), &evidence));
        }
        shown.push_str(&gate.end(&evidence));
        (shown, gate.not_ours(), gate.citations().sources(&evidence).len())
    };
    let whole = of(usize::MAX);
    assert_eq!((whole.1, whole.2), (1, 2), "{}", whole.0);
    for size in [1, 2, 3, 7, 50, 401] {
        assert_eq!(of(size), whole, "{size}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_goes_through_without_a_link_to_elsewhere(text in "(?s).{0,300}") {
        let shown = checked(&text);
        let elsewhere = ["http://", "https://", "javascript:", "](//"];
        prop_assert!(elsewhere.iter().all(|start| !shown.to_lowercase().contains(start)), "{}", shown);
    }

    #[test]
    fn markdown_of_every_kind_goes_through_without_a_link_to_elsewhere(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "[", "]", "(", ")", "!", "http://e.x", "HTTPS://e.x", "//e.x", "/results/abc1", " ", "\n", "<a href=", "|", "a", "1",
            ]), 0..30)
    ) {
        let shown = checked(&parts.concat());
        prop_assert!(!shown.to_lowercase().contains("http") && !shown.contains("](//") && !shown.contains("<a"), "{}", shown);
    }

    #[test]
    fn a_figure_of_a_tool_is_known_however_it_is_rounded(value in 0.001_f64..1e9, decimals in 0_usize..6) {
        let mut evidence = Evidence::default();
        evidence.add(&json!({ "link": "/results/a", "value": value }));
        let said = format!("{value:.decimals$}");
        let shown = check(&format!("it is {said} big"), true, &evidence, &mut Citations::default());
        prop_assert_eq!(shown.not_ours, 0, "{}", shown.text);
    }

    #[test]
    fn a_figure_that_is_further_off_than_its_rounding_is_not(value in 1.0_f64..1e6, off in 0.011_f64..5.0) {
        let mut evidence = Evidence::default();
        evidence.add(&json!({ "link": "/results/a", "value": value }));
        let shown = check(&format!("it is {:.3} big", value * (1.0 + off)), true, &evidence, &mut Citations::default());
        prop_assert_eq!(shown.not_ours, 1, "{}", shown.text);
    }

    #[test]
    fn every_number_has_a_link_or_a_mark(numbers in proptest::collection::vec(0_u32..100_000, 1..8)) {
        let evidence = evidence();
        for number in numbers {
            let shown = check(&format!("about {number} tokens"), true, &evidence, &mut Citations::default()).text;
            let is_told = [NOT_OURS, ASKED, "](/"].iter().any(|sign| shown.contains(sign));
            prop_assert!(is_told, "{}", shown);
        }
    }
}
