//! The smallest parts of a page: text that can't become markup, times, states.

use std::fmt::{self, Display, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::run::RunStatus;

/// Anything shown, with what HTML reads as markup written as references. Right in text and in quoted attributes.
pub(super) fn text(value: impl Display) -> impl Display {
    Text(value)
}

struct Text<T>(T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper(f), "{}", self.0)
    }
}

struct Escaper<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            c => self.0.write_char(c),
        })
    }
}

/// The markup of each item, one after the other.
pub(super) fn each<T>(items: impl IntoIterator<Item = T>, markup: impl FnMut(T) -> String) -> String {
    items.into_iter().map(markup).collect::<Vec<_>>().concat()
}

/// A moment, for people to the minute, for programs whole.
pub(super) fn time(at: DateTime<Utc>) -> impl Display {
    format!(
        "<time datetime=\"{}\">{}</time>",
        at.to_rfc3339_opts(SecondsFormat::Secs, true),
        at.format("%-d %b %Y, %H:%M UTC")
    )
}

/// Where a run is: a sign and a word, so that colour is never needed.
pub(super) fn status(status: RunStatus) -> impl Display {
    let sign = match status {
        RunStatus::Pending => '○',
        RunStatus::Running => '◐',
        RunStatus::Succeeded => '✓',
        RunStatus::Failed => '✗',
        RunStatus::Cancelled => '–',
    };
    format!("<span class=\"status {status}\"><span aria-hidden=\"true\">{sign}</span> {status}</span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shown_can_become_markup() {
        let nasty = "<img src=x onerror='a(\"b\")'> & ünï";
        assert_eq!(text(nasty).to_string(), "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt; &amp; ünï");
        assert_eq!(text(format_args!("{}-{}", '<', 1)).to_string(), "&lt;-1");
    }

    #[test]
    fn a_moment_is_shown_in_utc() {
        let at = DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        assert_eq!(
            time(at).to_string(),
            "<time datetime=\"2026-11-24T06:00:00Z\">24 Nov 2026, 06:00 UTC</time>"
        );
    }
}
