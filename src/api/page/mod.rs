//! The page for people: one run, its numbers, charts and circumstances, and the way to its data.
//!
//! Written whole by the server: no script, no other host, nothing but the one style that the security policy names by
//! its hash. It is pure text work: what is shown comes as a report; nothing is read here.

mod chart;
mod facts;
mod html;
mod instrument;
mod tables;

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, StatusCode},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use self::html::{each, text, time};
use super::error::Error;
use crate::{
    domain::run::RunStatus,
    report::{self, RunReport},
    store::runs::Run,
};

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

/// A run, and links to `others`.
pub(super) fn run(report: &RunReport, run: &Run, others: &[Run]) -> Page {
    let spec = &report.spec;
    let title = format!("{} on {}", spec.model.common_name, spec.engine.kind.published_name());
    let body = [
        heading(&title, report, run),
        tables::highlights(report),
        chart::charts(report),
        tables::results(report),
        notes(report),
        instrument::gaps(report),
        instrument::instrument(report),
        format!("<div class=\"split\">\n{}{}</div>\n", facts::facts(report, run), tables::setup(report)),
        data_links(report),
        other_runs(others),
    ]
    .concat();
    page(StatusCode::OK, &title, &body)
}

/// What is shown before there is anything to show.
pub(super) fn no_runs() -> Page {
    let body = "<h1>No runs yet</h1>\
                <p>Measure a small real model on this machine: <code>dria-bench demo</code>. Or measure one of your \
                own: <code>dria-bench run --help</code>.</p>";
    page(StatusCode::OK, "No runs yet", body)
}

/// Why there is no page, and the way back.
pub(super) fn failure(error: &Error) -> Page {
    let title = error.status().canonical_reason().unwrap_or("Error");
    let message = error.to_string();
    let mut letters = message.chars();
    let message: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let body =
        format!("<h1>{}</h1><p>{}.</p><p><a href=\"/\">The newest run</a></p>", text(title), text(message));
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

fn heading(title: &str, report: &RunReport, run: &Run) -> String {
    let hardware = facts::hardware(&report.spec.machine);
    let when = time(run.started_at.unwrap_or(run.created_at));
    let cpu = if facts::is_cpu_run(&report.spec.machine) {
        "<p class=\"note\"><strong>CPU run.</strong> No GPU was used: these numbers show the method, not what the \
         engine can do.</p>\n"
    } else {
        ""
    };
    let outcome = match (&report.error, report.status) {
        (Some(failure), _) => {
            format!("<p class=\"note bad\"><strong>This run failed.</strong> {}</p>\n", text(failure))
        }
        (None, RunStatus::Pending | RunStatus::Running) => {
            "<p class=\"note\"><strong>This run is under way.</strong> Load the page again for what it has measured \
             since.</p>\n"
                .to_owned()
        }
        (None, RunStatus::Cancelled) => {
            "<p class=\"note\"><strong>This run was cancelled.</strong> What it had measured is kept.</p>\n"
                .to_owned()
        }
        (None, RunStatus::Failed | RunStatus::Succeeded) => String::new(),
    };
    format!(
        "<h1>{}</h1>\n<p class=\"lead\">{} <span class=\"dot\">·</span> {when} <span class=\"dot\">·</span> {}</p>\n\
         {cpu}{outcome}",
        text(title),
        text(hardware),
        html::status(report.status),
    )
}

/// The flags and failures, in words.
fn notes(report: &RunReport) -> String {
    let notes = each(report::notes(&report.summaries()), |note| format!("<li>{}</li>\n", text(note)));
    if notes.is_empty() {
        return notes;
    }
    format!(
        "<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">What to know about these rows</h2>\n\
         <ul>\n{notes}</ul>\n</section>\n"
    )
}

fn data_links(report: &RunReport) -> String {
    let run = report.run;
    format!(
        "<section aria-labelledby=\"data\">\n<h2 id=\"data\">The same data</h2>\n<ul>\n\
         <li><a href=\"/api/v1/runs/{run}\">Everything as JSON</a></li>\n\
         <li>Measured view: <a href=\"/api/v1/runs/{run}/results?format=json&amp;view=measured\">JSON</a>, \
         <a href=\"/api/v1/runs/{run}/results?format=csv&amp;view=measured\">CSV</a> – requests completed inside the \
         window</li>\n\
         <li>Compat view: <a href=\"/api/v1/runs/{run}/results?format=json&amp;view=compat\">JSON</a>, \
         <a href=\"/api/v1/runs/{run}/results?format=csv&amp;view=compat\">CSV</a> – what readers of the older 17 \
         columns expect</li>\n</ul>\n\
         <p>Measure it again: <code>dria-bench run --like {run}</code></p>\n</section>\n"
    )
}

fn other_runs(others: &[Run]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let items = each(others, |run| {
        format!(
            "<li><a href=\"/?run={}\">{} on {}</a> {} <span class=\"dot\">·</span> {}</li>\n",
            run.id,
            text(&run.spec.model.common_name),
            text(run.spec.engine.kind.published_name()),
            time(run.created_at),
            html::status(run.status),
        )
    });
    format!(
        "<nav aria-labelledby=\"others\">\n<h2 id=\"others\">Other runs</h2>\n<ul>\n{items}</ul>\n</nav>\n"
    )
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
