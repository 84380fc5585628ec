//! Which form of an answer a client asked for, and which codings it takes.

use axum::http::{HeaderMap, header};

/// The form that a client likes best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It names HTML, as browsers do.
    Html,
    /// It names JSON, and HTML not or less.
    Json,
    /// It doesn't say.
    Any,
}

/// Reads `Accept`. Only what is named counts: a program that says `*/*` hasn't asked for a page.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let (mut html, mut json) = (0.0_f32, 0.0_f32);
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1.0, |text| text.trim().parse().unwrap_or(0.0));
        match kind.as_str() {
            "text/html" | "application/xhtml+xml" => html = html.max(weight),
            "application/json" | "application/problem+json" => json = json.max(weight),
            _ => {}
        }
    }
    match (html > 0.0, json > 0.0) {
        (true, _) if html >= json => Form::Html,
        (_, true) => Form::Json,
        _ => Form::Any,
    }
}

/// Whether the client takes this coding.
pub(super) fn takes(asked: &HeaderMap, coding: &str) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_meant = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|text| text.parse::<f32>().ok());
        is_meant && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &'static str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        form(&headers)
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_does_not() {
        assert_eq!(asked("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html);
        assert_eq!(asked("TEXT/HTML; charset=utf-8"), Form::Html);
        assert_eq!(asked("application/json"), Form::Json);
        assert_eq!(asked("*/*"), Form::Any);
        assert_eq!(form(&HeaderMap::new()), Form::Any);
    }

    #[test]
    fn the_weights_decide_between_the_two() {
        assert_eq!(asked("application/json, text/html;q=0.5"), Form::Json);
        assert_eq!(asked("application/json;q=0.4, text/html; q=0.5"), Form::Html);
        assert_eq!(asked("text/html;q=0, */*"), Form::Any);
        assert_eq!(asked("text/html;q=nonsense"), Form::Any);
    }

    fn takes_coding(accepted: &'static str, coding: &str) -> bool {
        takes(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]), coding)
    }

    #[test]
    fn a_coding_is_taken_where_it_is_named_and_not_refused() {
        assert!(takes_coding("gzip, deflate, br;q=0.5", "br"));
        assert!(!takes_coding("gzip, br;q=0", "br"));
        assert!(!takes_coding("identity", "gzip"));
        assert!(!takes(&HeaderMap::new(), "gzip"));
    }
}
