//! A comment as HTML: paragraphs, emphasis, code, lists and links, out of Markdown. Nothing that a comment says becomes a
//! tag or an attribute: tags are written here, one by one, and everything else is text.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use url::Url;

/// What every link says: it is no recommendation of ours, somebody else wrote it, and where it leads learns nothing.
const REL: &str = "nofollow ugc noopener noreferrer";

/// The comment as HTML that can stand inside a page. Headings and quotes become paragraphs, pictures their words, HTML the
/// text that it is. A link that isn't to an `http` or `https` address is its words alone.
#[must_use]
pub fn html(comment: &str) -> String {
    let mut page = Page::default();
    for event in Parser::new_ext(comment, Options::empty()) {
        page.take(event);
    }
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    /// Of each link that is open, whether it was written.
    links: Vec<bool>,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.tag("<code>");
                self.text(&text);
                self.tag("</code>");
            }
            Event::SoftBreak => self.tag("\n"),
            Event::HardBreak => self.tag("<br>\n"),
            // What only extensions know, which are off, and a rule.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
            Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock => self.tag("<p>"),
            Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => self.tag("<pre><code>"),
            Tag::List(None) => self.tag("<ul>\n"),
            Tag::List(Some(_)) => self.tag("<ol>\n"),
            Tag::Item => self.tag("<li>"),
            Tag::Emphasis => self.tag("<em>"),
            Tag::Strong => self.tag("<strong>"),
            Tag::Link { dest_url, .. } => {
                let address = address(dest_url);
                self.links.push(address.is_some());
                if let Some(address) = address {
                    self.tag("<a href=\"");
                    self.text(&address);
                    self.tag("\" rel=\"");
                    self.tag(REL);
                    self.tag("\">");
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock => self.tag("</p>\n"),
            TagEnd::CodeBlock => self.tag("</code></pre>\n"),
            TagEnd::List(false) => self.tag("</ul>\n"),
            TagEnd::List(true) => self.tag("</ol>\n"),
            TagEnd::Item => self.tag("</li>\n"),
            TagEnd::Emphasis => self.tag("</em>"),
            TagEnd::Strong => self.tag("</strong>"),
            TagEnd::Link if self.links.pop() == Some(true) => self.tag("</a>"),
            _ => {}
        }
    }

    /// Writes something of ours.
    fn tag(&mut self, tag: &str) {
        self.out.push_str(tag);
    }

    /// Writes something of the comment's.
    fn text(&mut self, text: &str) {
        for sign in text.chars() {
            match sign {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                other => self.out.push(other),
            }
        }
    }
}

/// Where a link may lead: to a host, by `http` or `https`, without a password.
fn address(written: &str) -> Option<String> {
    let url: Url = written.parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    (matches!(url.scheme(), "http" | "https") && is_plain).then(|| url.to_string())
}
