//! What the browser is told to fetch at once for a page, so that it needn't find out step by step: files, and the first answers
//! of the API. The site's build wrote it down (`web/pages.mjs`). It must not know what is in them.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;

use super::files;
use crate::api::page::html::text;

/// Where the build writes it.
const FILE: &str = "_app/pages.json";

/// What one page needs beside what all need. Addresses on this site.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Needs {
    scripts: Vec<String>,
    styles: Vec<String>,
    /// What the page asks the API first.
    asks: Vec<String>,
    /// The same where its address has no parameters.
    asks_plain: Vec<String>,
}

/// What this page needs, of [`PAGES`](super::PAGES); nothing where the build says nothing.
pub(super) fn of(page: &str) -> Needs {
    let written =
        files::text(FILE).and_then(|json| serde_json::from_str::<BTreeMap<String, Needs>>(&json).ok());
    written.and_then(|mut all| all.remove(page)).unwrap_or_default()
}

impl Needs {
    /// The links that say so in a page's head.
    pub(super) fn links(&self, has_parameters: bool) -> String {
        let plain = if has_parameters { &[] } else { self.asks_plain.as_slice() };
        let mut links = String::new();
        let mut link = |kind: &str, addresses: &[String]| {
            for address in addresses {
                let _ = write!(links, "\n<link {kind} href=\"{}\" />", text(address));
            }
        };
        link("rel=\"stylesheet\"", &self.styles);
        link("rel=\"modulepreload\"", &self.scripts);
        // As the site's own requests are made: with the cookie, and without asking whether they may be.
        link("rel=\"preload\" as=\"fetch\" crossorigin=\"anonymous\"", plain);
        link("rel=\"preload\" as=\"fetch\" crossorigin=\"anonymous\"", &self.asks);
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> Needs {
        let list = |address: &str| vec![address.to_owned()];
        Needs {
            scripts: list("/a.js"),
            styles: list("/a.css"),
            asks: list("/who"),
            asks_plain: list("/rows?limit=25&order=desc"),
        }
    }

    #[test]
    fn answers_to_an_address_without_parameters_are_fetched_for_no_other() {
        let links = needs().links(false);
        assert_eq!(links.matches("<link ").count(), 4, "{links}");
        assert!(links.contains("href=\"/rows?limit=25&amp;order=desc\""), "{links}");
        let links = needs().links(true);
        assert!(!links.contains("/rows") && links.contains("/who"), "{links}");
    }

    #[test]
    fn a_page_that_the_build_says_nothing_of_needs_nothing() {
        assert_eq!(of("/nowhere").links(false), "");
    }
}
