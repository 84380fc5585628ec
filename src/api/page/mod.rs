//! Pages that need no site: why there is no answer, and that the site isn't there.
//!
//! Written whole by the server: no script, no other host, nothing but the one style that the security policy names by
//! its hash.

pub(super) mod html;

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, StatusCode},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use self::html::text;
use super::error::Error;

/// The whole look, light and dark.
const STYLE: &str = include_str!("style.css");

/// What browsers may do with a page: show it with this very style, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The icon of the tab, three bars.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath \
                    fill='%23246' d='M1 9h4v6H1zM6 5h4v10H6zM11 1h4v14h-4z'/%3E%3C/svg%3E";

/// A page and its status.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    html: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.status, Html(self.html)).into_response()
    }
}

/// The `Content-Security-Policy` of every answer.
pub(super) fn security_policy() -> HeaderValue {
    HeaderValue::from_str(&POLICY).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// What people are told where the site isn't part of the program.
pub(super) fn without_site() -> Page {
    let body = "<h1>The site is not part of this build</h1>\
                <p>Everything it shows is in the <a href=\"/docs\">HTTP API</a>, and in the commands: \
                <code>dria-bench runs</code>, <code>dria-bench results</code>.</p>\
                <p>To have it, install Node.js 20.19 or newer, then <code>make web</code>, and build again.</p>";
    page(StatusCode::SERVICE_UNAVAILABLE, "The site is not part of this build", body)
}

/// Why there is no page, and the way back.
pub(super) fn failure(error: &Error) -> Page {
    let title = error.status().canonical_reason().unwrap_or("Error");
    let message = error.to_string();
    let mut letters = message.chars();
    let message: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let body = format!(
        "<h1>{}</h1><p>{}.</p><p><a href=\"/\">To the start page</a></p>",
        text(title),
        text(message)
    );
    page(error.status(), title, &body)
}

fn page(status: StatusCode, title: &str, body: &str) -> Page {
    let title = text(title);
    let version = env!("CARGO_PKG_VERSION");
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} – dria-bench</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"{ICON}\">\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header><a href=\"/\">dria-bench</a></header>\n\
         <main>\n{body}</main>\n<footer>dria-bench {version}</footer>\n</body>\n</html>\n"
    );
    Page { status, html }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_style_by_its_hash_and_nothing_by_default() {
        let policy = security_policy();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn what_was_asked_for_is_never_markup_on_the_page_that_refuses_it() {
        let page = failure(&Error::UnknownPath("/<script>alert(1)</script>".to_owned()));
        assert!(page.html.contains("There is nothing at /&lt;script&gt;"), "{}", page.html);
        assert!(!page.html.contains("<script"));
    }
}
