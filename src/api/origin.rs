//! Where this server, and the site, are found by browsers, and whether a request comes from a page of theirs.

use axum::http::{HeaderMap, header};
use url::Url;

use crate::config;

/// The addresses that people use.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// The server's own, without a slash at the end; `None`: wherever it was asked at.
    base: Option<String>,
    /// The site's, without a slash at the end; `None`: the server's own.
    site: Option<String>,
    /// Whether browsers speak TLS with it.
    pub(super) secure: bool,
    /// Where GitHub sends people back to.
    pub(super) redirect_uri: String,
    /// Where it listens, as an address: what it is called where nobody said.
    listens_at: String,
}

impl Site {
    /// As the settings say, of a server that is reached at `listens_at`.
    pub(super) fn new(settings: &config::Server, listens_at: String) -> Self {
        let plain = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let base = settings.base_url.as_ref().map(plain);
        let callback = || format!("{}/auth/github/callback", base.as_deref().unwrap_or(&listens_at));
        Self {
            redirect_uri: settings.sign_in.github_redirect_uri.as_ref().map_or_else(callback, Url::to_string),
            secure: settings.base_url.as_ref().is_some_and(|url| url.scheme() == "https"),
            base,
            site: settings.site_url.as_ref().map(plain),
            listens_at,
        }
    }

    /// The server's own address.
    pub(super) fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.listens_at)
    }

    /// The site's address.
    pub(super) fn site(&self) -> &str {
        self.site.as_deref().unwrap_or_else(|| self.base())
    }
}

/// Whether a browser says that a page of this server sent a request; also where it says nothing. A site elsewhere sends bearer
/// tokens, never the cookie.
pub(super) fn is_ours(headers: &HeaderMap, site: &Site) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Every browser of today sends `Origin` with what is no GET; an old one says it here.
        let fetch = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        return fetch.is_none_or(|from| from == "same-origin");
    };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else { return false };
    let ours = |address: &str| Url::parse(address).is_ok_and(|address| address.origin() == origin.origin());
    // Where nobody said what this server is called, it is called what the browser calls it.
    let asked_at = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_asked = site.base.is_none() && asked_at.is_some_and(|host| ours(&format!("http://{host}")));
    ours(site.base()) || is_asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: Option<&str>, site: Option<&str>) -> Site {
        let url = |text: &str| Url::parse(text).unwrap();
        let settings =
            config::Server { base_url: base.map(url), site_url: site.map(url), ..config::Server::default() };
        Site::new(&settings, "http://127.0.0.1:8000".to_owned())
    }

    fn asked(pairs: &[(&'static str, &'static str)], site: &Site) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        is_ours(&headers, site)
    }

    #[test]
    fn only_pages_of_the_server_are_ours() {
        let named = site(Some("https://bench.example.org"), Some("https://app.example.org"));
        assert!(asked(&[("origin", "https://bench.example.org")], &named));
        assert!(!asked(&[("origin", "https://app.example.org")], &named));
        assert!(asked(&[], &named) && asked(&[("sec-fetch-site", "same-origin")], &named));
        for odd in
            ["http://bench.example.org", "https://bench.example.org.evil.com", "null", "https://evil.com"]
        {
            assert!(!asked(&[("origin", odd), ("host", "evil.com")], &named), "{odd}");
        }
        assert!(!asked(&[("sec-fetch-site", "same-site")], &named));
        let unnamed = site(None, None);
        assert!(asked(&[("origin", "http://localhost:8000"), ("host", "localhost:8000")], &unnamed));
        assert!(!asked(&[("origin", "http://evil.com"), ("host", "localhost:8000")], &unnamed));
    }

    #[test]
    fn a_site_that_is_not_named_is_the_server_itself() {
        assert_eq!(site(None, None).site(), "http://127.0.0.1:8000");
        let named = site(Some("https://bench.example.org/"), None);
        assert_eq!(
            (named.base(), named.site(), named.secure),
            ("https://bench.example.org", "https://bench.example.org", true)
        );
    }
}
