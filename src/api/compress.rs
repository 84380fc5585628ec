//! Which answers are compressed on their way: text that everybody may see. What a token's holder gets is not, since the length
//! of an answer that holds a secret beside what a stranger chose tells of the secret.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::{
    CompressionLayer,
    predicate::{Predicate, SizeAbove},
};

/// Shorter answers are not worth it, bytes.
pub(super) const WORTH_IT: u16 = 1024;

/// Compresses with zstd, brotli or gzip, whichever the client likes.
pub(super) fn layer() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(WORTH_IT).and(is_public_text))
}

fn is_public_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let has = |name, text: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.into_iter().any(|value| value.contains(text))
    };
    // Pages hold nothing of who asks: that comes from the API.
    let kinds = ["application/json", "text/csv", "text/html"];
    let is_text = kinds.into_iter().any(|kind| has(header::CONTENT_TYPE, kind));
    is_text && !has(header::CACHE_CONTROL, "private") && !has(header::CACHE_CONTROL, "no-store")
}
