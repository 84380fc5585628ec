//! The only place that builds an HTTP client for control traffic (engines' own routes, clouds, price sources).
//!
//! The load generator doesn't use it: what is timed has its own client.

use std::{net::SocketAddr, time::Duration};

/// What we call ourselves. Some providers refuse clients without a User-Agent.
pub const USER_AGENT: &str = concat!("dria-bench/", env!("CARGO_PKG_VERSION"));

/// A client whose connects take at most 5 s and whose answers arrive whole within `timeout`
/// (`None`: no limit, for streams with a limit of their own). Proxies from the environment are not used for it:
/// a benchmark must know its path.
///
/// # Errors
/// When the TLS configuration can't be loaded.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
pub fn client(timeout: Option<Duration>) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::limited(3));
    match timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    }
    .build()
}

/// A client for one request to a URL that somebody else chose: it connects to these addresses and no others, whatever the
/// host's name leads to by then, and follows no redirect.
///
/// # Errors
/// When the TLS configuration can't be loaded.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
pub fn pinned(
    url: &url::Url,
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve_to_addrs(url.host_str().unwrap_or_default(), addresses)
        .build()
}

/// The error and its causes in one line, without the URL (which may hold a key).
#[must_use]
pub fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// A client that goes where it is sent and nowhere else: it follows no redirect, so that what it carries isn't carried on.
/// Otherwise as [`client`].
///
/// # Errors
/// When the TLS configuration can't be loaded.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
pub fn direct(timeout: Option<Duration>) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    match timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    }
    .build()
}
