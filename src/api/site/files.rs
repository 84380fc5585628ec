//! The files of the site as they were built, each also compressed.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::api::accept::takes;

/// Names below are hashes of what they hold.
const IMMUTABLE: &str = "/_app/immutable/";

#[derive(RustEmbed)]
#[folder = "web/build"]
#[allow_missing = true]
struct Built;

/// A file and its name.
pub(super) struct File<'a> {
    path: &'a str,
    plain: EmbeddedFile,
}

/// The file at this path of the site. The page that draws all is not among them: it has its address from who asks.
pub(super) fn find(path: &str) -> Option<File<'_>> {
    let is_compressed_twin = [".br", ".gz"].iter().any(|end| path.ends_with(end));
    let name = path.strip_prefix('/').filter(|name| !name.is_empty() && *name != super::shell::FILE)?;
    if is_compressed_twin || name.split('/').any(|part| part == "..") {
        return None;
    }
    Some(File { path, plain: Built::get(name)? })
}

/// A file that is text.
pub(super) fn text(name: &str) -> Option<String> {
    String::from_utf8(Built::get(name)?.data.into_owned()).ok()
}

impl File<'_> {
    /// The file, in the form that the client likes, or that it has it already.
    pub(super) fn answer(self, asked: &HeaderMap) -> Response {
        let tag = etag(&self.plain.metadata.sha256_hash());
        let is_immutable = self.path.starts_with(IMMUTABLE);
        let kept = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response =
            if has_it(asked, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { self.body(asked) };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn body(self, asked: &HeaderMap) -> Response {
        let name = self.path.trim_start_matches('/');
        let twins = [("br", "br"), ("gzip", "gz")];
        let compressed = twins.into_iter().find_map(|(coding, end)| {
            let twin = takes(asked, coding).then(|| Built::get(&format!("{name}.{end}"))).flatten()?;
            Some((coding, twin))
        });
        let (coding, file) = match compressed {
            Some((coding, twin)) => (Some(coding), twin),
            None => (None, self.plain.clone()),
        };
        let mut response = Body::from(file.data.into_owned()).into_response();
        let kind = self.plain.metadata.mimetype();
        let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
        if let Ok(kind) = HeaderValue::from_str(&kind) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        if let Some(coding) = coding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// A strong tag of what has this hash. The same for each coding, whose caches `Vary` keeps apart, so weak.
pub(super) fn etag(hash: &[u8]) -> String {
    format!("W/\"{}\"", hex::encode(&hash[..hash.len().min(16)]))
}

/// Whether the client has what this tag names.
pub(super) fn has_it(asked: &HeaderMap, tag: &str) -> bool {
    let named = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| matches!(one.trim(), "*") || one.trim() == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn who_has_it_is_told_so() {
        let tag = etag(&[7; 32]);
        assert!(has_it(&asking(header::IF_NONE_MATCH, "*"), &tag));
        assert!(has_it(
            &asking(header::IF_NONE_MATCH, "\"a\", W/\"07070707070707070707070707070707\""),
            &tag
        ));
        assert!(!has_it(&asking(header::IF_NONE_MATCH, "\"a\""), &tag));
    }

    #[test]
    fn nothing_beside_the_site_is_a_file_of_it() {
        for path in
            ["/", "/200.html", "/../Cargo.toml", "/_app/../../Cargo.toml", "/200.html.br", "/favicon.svg.gz"]
        {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
