//! Reading the parameters of an original path, each by the rules that its clients know. What isn't listed is ignored; of a
//! parameter that is given twice the last counts.

use axum::http::Uri;
use url::form_urlencoded;

use super::{
    answer::Page,
    refusal::{Fault, Refusal},
};

/// The parameters after the `?`: taken one by one, then [`Query::finish`].
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Query {
    /// The parameters of a URI. PostgreSQL holds no NUL, so a text with one is stored nowhere: it is read like any other
    /// character that can't be, and matches nothing.
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes())
            .map(|(name, text)| (name.into_owned(), text.replace('\0', "\u{fffd}")));
        Self { pairs: pairs.collect(), faults: Vec::new() }
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(given, _)| given == name).map(|(_, text)| text.as_str())
    }

    /// A text that may be left out; an empty one is.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.given(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A text that has to be given; it may be empty.
    pub(super) fn required_text(&mut self, name: &str) -> String {
        if let Some(text) = self.given(name) {
            return text.to_owned();
        }
        self.faults.push(Fault::missing("query", name));
        String::new()
    }

    /// Each text of a parameter that may be repeated, in the order given.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.pairs.iter().filter(|(given, _)| given == name).map(|(_, text)| text.clone()).collect()
    }

    /// The same, where at least one has to be given.
    pub(super) fn required_texts(&mut self, name: &str) -> Vec<String> {
        let texts = self.texts(name);
        if texts.is_empty() {
            self.faults.push(Fault::missing("query", name));
        }
        texts
    }

    /// A number that may be left out; 0 is as if it were.
    pub(super) fn bound(&mut self, name: &str) -> Option<f64> {
        let (kind, message) = match self.given(name)?.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => return (number != 0.0).then_some(number),
            Ok(_) => ("finite_number", "Input should be a finite number"),
            Err(_) => ("float_parsing", "Input should be a valid number, unable to parse string as a number"),
        };
        self.faults.push(Fault::of("query", name, kind, message));
        None
    }

    /// `page` and `per_page`.
    pub(super) fn page(&mut self) -> Page {
        let page = self.whole("page", 1, i64::MAX, 1);
        let per_page = self.whole("per_page", 1, 50, 6);
        Page { page, per_page }
    }

    /// A whole number within bounds.
    fn whole(&mut self, name: &str, least: i64, most: i64, default: i64) -> i64 {
        let Some(text) = self.given(name).map(str::trim) else { return default };
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let (kind, message) = match text.parse::<i64>() {
            Ok(number) if number < least => {
                ("greater_than_equal", format!("Input should be greater than or equal to {least}"))
            }
            Ok(number) if number > most => {
                ("less_than_equal", format!("Input should be less than or equal to {most}"))
            }
            Ok(number) => return number,
            Err(_) if is_whole => (
                "int_parsing_size",
                "Unable to parse input string as an integer, exceeded maximum size".to_owned(),
            ),
            Err(_) => (
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer".to_owned(),
            ),
        };
        self.faults.push(Fault::of("query", name, kind, message));
        default
    }

    /// Says what was wrong.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::Faults(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn an_optional_text_that_is_empty_is_as_if_absent_and_a_required_one_is_kept() {
        let mut query = query("a=&b=&c=x&c=y&d=%00");
        assert_eq!((query.text("a"), query.required_text("b").as_str()), (None, ""));
        assert_eq!(query.text("c").as_deref(), Some("y"), "the last counts");
        assert_eq!(query.texts("c"), ["x", "y"]);
        assert_eq!(query.text("d").as_deref(), Some("\u{fffd}"));
        assert!(query.finish().is_ok(), "what isn't listed is ignored");
    }

    #[test]
    fn a_bound_of_0_is_none_and_one_that_is_no_number_is_bad() {
        let mut good = query("a=0&b=-0.0&c=1.5&d=%202e1%20");
        assert_eq!((good.bound("a"), good.bound("b"), good.bound("absent")), (None, None, None));
        assert_eq!((good.bound("c"), good.bound("d")), (Some(1.5), Some(20.0)));
        assert!(good.finish().is_ok());
        for text in ["a=", "a=x", "a=nan", "a=inf", "a=1,5"] {
            let mut bad = query(text);
            assert_eq!(bad.bound("a"), None);
            assert!(bad.finish().is_err(), "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_page_is_told_as_pydantic_does() {
        let mut query = query("page=0&per_page=51");
        query.page();
        query.required_text("pod_id");
        let Err(Refusal::Faults(faults)) = query.finish() else { panic!("nothing was wrong") };
        assert_eq!(
            serde_json::to_value(faults).unwrap(),
            serde_json::json!([
                { "loc": ["query", "page"], "type": "greater_than_equal",
                  "msg": "Input should be greater than or equal to 1" },
                { "loc": ["query", "per_page"], "type": "less_than_equal",
                  "msg": "Input should be less than or equal to 50" },
                { "loc": ["query", "pod_id"], "type": "missing", "msg": "Field required" },
            ])
        );
    }
}
