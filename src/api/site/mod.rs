//! The site: what nobody else answers is a file of it, or one of its pages. It must not know what pages show.
//!
//! `make web` builds it into `web/build`, and a release build takes it into the program; a debug build reads it from there
//! at each request. Without it every path of the API works, and pages say what is missing.
//!
//! ```text
//! GET ─► a file?   ─► files   as it is, or compressed as it was when it was built
//!     ─► a page?   ─► titles  what a shared link previews as ─► needs  what to fetch at once ─► shell  the one page that
//!                     draws all
//!     ─► otherwise, 404: on a page for people, as a problem for programs
//! ```

mod files;
mod needs;
mod shell;
mod titles;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};

use self::needs::Needs;
use super::{
    accept::{self, Form},
    app::App,
    error::Error,
    guard,
};

/// Paths of pages, as the site's build names them. `*` is any one part.
const PAGES: [&str; 19] = [
    "/",
    "/admin",
    "/admin/*",
    "/assistant",
    "/compare",
    "/gpus/*",
    "/matrices",
    "/matrices/*",
    "/methodology",
    "/models/*",
    "/prices",
    "/profile",
    "/recommend",
    "/results/*",
    "/runs",
    "/runs/new",
    "/runs/*",
    "/sign-in",
    "/trends",
];

/// Whatever no other route answers.
pub(super) async fn answer(State(app): State<App>, method: Method, headers: HeaderMap, uri: Uri) -> Response {
    let path = uri.path();
    let unknown = || Error::UnknownPath(path.to_owned()).into_response();
    if !matches!(method, Method::GET | Method::HEAD) || guard::is_for_programs(path) {
        return unknown();
    }
    if let Some(file) = files::find(path) {
        return file.answer(&headers);
    }
    match accept::form(&headers) {
        // Who fetches a preview of a link rarely says what it takes.
        Form::Html | Form::Any if page_of(path).is_some() => page(&app, &headers, &uri).await,
        Form::Html => page_that_is_missing(&app, &headers, &uri).unwrap_or_else(unknown),
        Form::Json | Form::Any => unknown(),
    }
}

/// The page at this address.
pub(super) async fn page(app: &App, headers: &HeaderMap, uri: &Uri) -> Response {
    let Some(shell) = shell::built() else { return shell::not_built() };
    let title = match app.pool.acquire().await {
        Ok(mut conn) => titles::of(&mut conn, uri).await,
        // The page itself says that the database is away.
        Err(_) => titles::plain(uri.path()),
    };
    let needs = page_of(uri.path()).map(needs::of).unwrap_or_default();
    shell.answer(&title, &needs, &app.site, uri, StatusCode::OK, headers)
}

/// The site's own word that there is no such page; `None`: without the site.
fn page_that_is_missing(app: &App, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    let title = titles::missing();
    Some(shell::built()?.answer(&title, &Needs::default(), &app.site, uri, StatusCode::NOT_FOUND, headers))
}

/// Which page this path is of.
fn page_of(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty() && !rest.ends_with('/')).unwrap_or(path);
    PAGES.into_iter().find(|page| {
        let (mut ours, mut theirs) = (page.split('/'), path.split('/'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some("*"), Some(part)) if !part.is_empty() => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Addresses of the folders that have a page, as `SvelteKit` reads them.
    fn written(folder: &Path, address: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name == "+page.svelte" {
                found.insert(if address.is_empty() { "/".to_owned() } else { address.to_owned() });
            } else if entry.file_type().unwrap().is_dir() {
                let part = match name.strip_prefix('[') {
                    Some(_) => "/*".to_owned(),
                    None if name.starts_with('(') => String::new(),
                    None => format!("/{name}"),
                };
                written(&entry.path(), &format!("{address}{part}"), found);
            }
        }
    }

    #[test]
    fn each_page_of_the_site_is_served_and_nothing_else_is_called_one() {
        let mut found = BTreeSet::new();
        written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/routes"), "", &mut found);
        for address in &found {
            assert!(page_of(&address.replace('*', "x")).is_some(), "{address} isn't in PAGES");
        }
        for page in PAGES {
            let among_parts = found.iter().any(|address| {
                address == page || (page.ends_with("/*") && address.starts_with(page.trim_end_matches('*')))
            });
            assert!(among_parts, "{page} isn't in web/src/routes");
        }
    }

    #[test]
    fn a_part_is_any_one_part() {
        assert_eq!(page_of("/results/a-b_c"), Some("/results/*"));
        assert_eq!(page_of("/results/a/"), Some("/results/*"));
        assert_eq!(page_of("/"), Some("/"));
        // The page of a name comes before that of any.
        assert_eq!(page_of("/runs/new"), Some("/runs/new"));
        for odd in ["/results", "/results/", "/results/a/b", "//", "/result", "/compare/x", ""] {
            assert!(page_of(odd).is_none(), "{odd}");
        }
    }
}
