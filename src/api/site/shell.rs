//! The one page that draws all of the site, with the title and preview of the address it is asked at.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{files, needs::Needs, titles::Title};
use crate::api::{
    origin::Site,
    page::{self, html::text},
};

/// Where `SvelteKit` writes it.
pub(super) const FILE: &str = "200.html";

/// What links preview with: `make pictures` draws it into `web/static`.
const PICTURE: &str = "/social.png";
const TITLE: (&str, &str) = ("<title>", "</title>");
/// How `SvelteKit` says what the page may do.
const POLICY: (&str, &str) = ("<meta http-equiv=\"content-security-policy\" content=\"", "\">");

/// The page as it was built.
pub(super) struct Shell {
    before: String,
    after: String,
    policy: HeaderValue,
}

/// The page, where the site is part of this program.
pub(super) fn built() -> Option<Shell> {
    Shell::of(&files::text(FILE)?)
}

/// What is said where it isn't.
pub(super) fn not_built() -> Response {
    page::without_site().into_response()
}

impl Shell {
    fn of(html: &str) -> Option<Self> {
        let (before, rest) = html.split_once(TITLE.0)?;
        let (_, rest) = rest.split_once(TITLE.1)?;
        // The answer's header has it. In the page it would stop the browser from looking ahead for what to fetch.
        let (between, rest) = rest.split_once(POLICY.0)?;
        let (policy, after) = rest.split_once(POLICY.1)?;
        // What a page can't say of itself.
        let policy = format!("{}; frame-ancestors 'none'", policy.replace("&#39;", "'"));
        Some(Self {
            before: before.to_owned(),
            after: format!("{between}{after}"),
            policy: HeaderValue::from_str(&policy).ok()?,
        })
    }

    /// The page under this title, or that the client has it already.
    pub(super) fn answer(
        &self,
        title: &Title,
        needs: &Needs,
        site: &Site,
        uri: &Uri,
        status: StatusCode,
        asked: &HeaderMap,
    ) -> Response {
        let html = self.html(title, needs, site, uri);
        let tag = files::etag(&Sha256::digest(&html));
        let mut response = if status == StatusCode::OK && files::has_it(asked, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (status, Html(html)).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn html(&self, title: &Title, needs: &Needs, site: &Site, uri: &Uri) -> String {
        let links = needs.links(uri.query().is_some_and(|query| !query.is_empty()));
        let address = format!("{}{}", site.site(), uri.path_and_query().map_or("/", |path| path.as_str()));
        // Whoever previews a link doesn't resolve what is relative.
        let picture = format!("{}{PICTURE}", site.site());
        let [name, description, address, picture] =
            [&title.name, &title.description, &address, &picture].map(text);
        format!(
            "{}<title>{name}</title>\n\
             <meta name=\"description\" content=\"{description}\" />\n\
             <link rel=\"canonical\" href=\"{address}\" />\n\
             <meta property=\"og:site_name\" content=\"dria-bench\" />\n\
             <meta property=\"og:type\" content=\"website\" />\n\
             <meta property=\"og:title\" content=\"{name}\" />\n\
             <meta property=\"og:description\" content=\"{description}\" />\n\
             <meta property=\"og:url\" content=\"{address}\" />\n\
             <meta property=\"og:image\" content=\"{picture}\" />\n\
             <meta property=\"og:image:width\" content=\"1200\" />\n\
             <meta property=\"og:image:height\" content=\"630\" />\n\
             <meta name=\"twitter:card\" content=\"summary_large_image\" />{links}{}",
            self.before, self.after
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const HTML: &str = "<!doctype html><head><title>dria-bench</title><meta http-equiv=\"content-security-policy\" \
                        content=\"default-src 'self'; script-src 'self' 'sha256-x'\"></head><body></body>";

    #[test]
    fn what_is_shown_of_a_link_is_never_markup() {
        let shell = Shell::of(HTML).unwrap();
        let site = Site::new(&config::Server::default(), "http://127.0.0.1:8000".to_owned());
        let title = Title { name: "</title><script>1</script>".to_owned(), description: "\"><b>".to_owned() };
        let html = shell.html(&title, &Needs::default(), &site, &"/results/a?x=%22%3E&y='".parse().unwrap());
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;"), "{html}");
        assert!(html.contains("href=\"http://127.0.0.1:8000/results/a?x=%22%3E&amp;y=&#39;\""), "{html}");
    }

    #[test]
    fn the_policy_is_the_pages_own_and_it_is_never_framed() {
        let policy = Shell::of(HTML).unwrap().policy;
        assert_eq!(policy, "default-src 'self'; script-src 'self' 'sha256-x'; frame-ancestors 'none'");
        assert!(Shell::of("<title>x</title>").is_none(), "a page without a policy is not served");
    }
}
