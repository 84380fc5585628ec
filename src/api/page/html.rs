//! Text that can't become markup.

use std::fmt::{self, Display, Write};

/// Anything shown, with what HTML reads as markup written as references. Right in text and in quoted attributes.
pub(in crate::api) fn text(value: impl Display) -> impl Display {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shown_can_become_markup() {
        let nasty = "<img src=x onerror='a(\"b\")'> & ünï";
        assert_eq!(text(nasty).to_string(), "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt; &amp; ünï");
        assert_eq!(text(format_args!("{}-{}", '<', 1)).to_string(), "&lt;-1");
    }
}
