//! Who sends a request and under which id: what its answer, its log lines and its entry in the audit log have in common.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

use super::error::Error;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The longest id that is taken over from a client.
const LONGEST_ID: usize = 64;

/// A request's id and the address it came from.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The client's own, where it sent one that can be used.
    pub(super) id: Arc<str>,
    /// The client's address, as limits count it.
    pub(super) address: IpAddr,
}

impl Caller {
    fn of(request: &Request, behind_proxy: bool) -> Self {
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let id = match given.filter(|id| is_usable(id)) {
            Some(id) => id.into(),
            None => ulid::Ulid::generate().to_string().into(),
        };
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let forwarded = if behind_proxy { forwarded(request.headers()) } else { None };
        Self { id, address: whole_client(forwarded.unwrap_or(peer)) }
    }
}

/// What logs, headers and rows can hold without quoting.
fn is_usable(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The address that the nearest proxy saw: what stands before it was written by the client.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).into_iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// An IPv6 client has a whole /64 to send from.
fn whole_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Finds out who asks, says it with the answer, and logs method, path, status and time. The part after the `?` is never
/// logged.
pub(super) async fn identify(State(behind_proxy): State<bool>, mut request: Request, next: Next) -> Response {
    let caller = Caller::of(&request, behind_proxy);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let id = HeaderValue::from_str(&caller.id);
    let span = tracing::info_span!("request", id = %caller.id);
    request.extensions_mut().insert(caller);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took_ms) = (response.status().as_u16(), began.elapsed().as_millis() as u64);
    span.in_scope(|| match path.as_str() {
        // Asked every few seconds by whoever watches over us.
        "/health" | "/healthz" | "/readyz" => tracing::debug!(%method, path, status, took_ms, "answered"),
        _ => tracing::info!(%method, path, status, took_ms, "answered"),
    });
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::Internal("it doesn't know who asks".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(headers: &[(&str, &str)], behind_proxy: bool) -> Caller {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>("192.0.2.1:9".parse().unwrap()));
        Caller::of(&request, behind_proxy)
    }

    #[test]
    fn an_id_that_could_do_harm_in_a_log_is_replaced() {
        assert_eq!(&*caller(&[("x-request-id", "job-7.a_B")], false).id, "job-7.a_B");
        let long = "a".repeat(65);
        for bad in ["", "a b", "a\"b", "a;b", "é", &long] {
            let made = caller(&[("x-request-id", bad)], false).id;
            assert!(&*made != bad && is_usable(&made), "{bad}");
        }
    }

    #[test]
    fn a_forwarded_address_counts_only_behind_a_proxy_and_only_its_own_word() {
        let headers = [("x-forwarded-for", "198.51.100.7, 203.0.113.5")];
        assert_eq!(caller(&headers, false).address.to_string(), "192.0.2.1");
        assert_eq!(caller(&headers, true).address.to_string(), "203.0.113.5");
        assert_eq!(caller(&[("x-forwarded-for", "junk")], true).address.to_string(), "192.0.2.1");
        let v6 = [("x-forwarded-for", "2001:db8:1:2:3:4:5:6")];
        assert_eq!(caller(&v6, true).address.to_string(), "2001:db8:1:2::");
        assert_eq!(caller(&[("x-forwarded-for", "::ffff:192.0.2.9")], true).address.to_string(), "192.0.2.9");
    }
}
