//! The way to a target: its resolved address, and the requests' fixed bytes.

use std::{io::Write, time::Duration};

use rustls::pki_types::ServerName;
use url::Host;

use crate::{
    engine::wire::{Generation, encode_body, generate_path, idle_path},
    http::USER_AGENT,
    loadgen::{
        Error, Target,
        client::{Connector, RequestError, system_tls},
    },
};

/// Connects whose median is the round-trip time.
const RTT_SAMPLES: usize = 5;

/// Longest that the round trip is asked for once more when a level is over: its engine may be gone.
const RTT_AFTER_LIMIT: Duration = Duration::from_millis(500);

/// A target that answered a connect.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) connector: Connector,
    /// Round trip to it.
    pub(crate) rtt: Duration,
    /// The head of each generation up to the length of its body.
    post_head: Vec<u8>,
    /// A request that measures nothing and warms a connection.
    pub(super) idle_request: Vec<u8>,
}

fn url_error(target: &Target, reason: &str) -> Error {
    Error::Url { url: redacted(&target.base_url), reason: reason.to_owned() }
}

/// The URL without credentials or query.
fn redacted(url: &url::Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

impl Route {
    /// Resolves the target, checks that something listens there, and takes the round-trip time.
    pub(crate) async fn new(target: &Target) -> Result<Self, Error> {
        let url = &target.base_url;
        let is_tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(url_error(target, "its scheme is neither http nor https")),
        };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(url_error(target, "it has no host"));
        };
        let name = match &host {
            Host::Domain(name) => (*name).to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let resolve = |reason: String| Error::Resolve { host: name.clone(), reason };
        let addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|error| resolve(error.to_string()))?
            .collect();
        let tls = if is_tls {
            let server = ServerName::try_from(name.clone())
                .map_err(|_| url_error(target, "its host is no name for TLS"))?;
            let config = system_tls().map_err(|error| {
                Error::Internal(format!("the system's trust store can't be used: {error}"))
            })?;
            Some((server, config))
        } else {
            None
        };
        let mut last = None;
        for address in addresses {
            let connector = match &tls {
                None => Connector::plain(address),
                Some((server, config)) => Connector::tls(address, server.clone(), config.clone()),
            };
            match round_trip(&connector).await {
                Ok(rtt) => return Ok(Self::with(target, connector, rtt)),
                Err(error) => last = Some(unreachable(&connector, &error)),
            }
        }
        Err(last.unwrap_or_else(|| resolve("the name has no address".to_owned())))
    }

    fn with(target: &Target, connector: Connector, rtt: Duration) -> Self {
        let url = &target.base_url;
        let prefix = url.path().trim_end_matches('/');
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let authorization =
            target.api_key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let common = format!("Host: {host}\r\nUser-Agent: {USER_AGENT}\r\n{authorization}");
        let post_head = format!(
            "POST {prefix}{} HTTP/1.1\r\n{common}Accept: text/event-stream, application/x-ndjson\r\n\
             Content-Type: application/json\r\nContent-Length: ",
            generate_path(target.engine)
        );
        let idle_request =
            format!("GET {prefix}{} HTTP/1.1\r\n{common}\r\n", idle_path(target.engine)).into_bytes();
        Self { connector, rtt, post_head: post_head.into_bytes(), idle_request }
    }

    /// The round trip once more; `None` where nobody answers (in time).
    pub(super) async fn rtt_again(&self) -> Option<Duration> {
        tokio::time::timeout(RTT_AFTER_LIMIT, round_trip(&self.connector)).await.ok()?.ok()
    }

    /// Writes a generation's request, head and body, into a buffer that is used again.
    pub(crate) fn write_post(&self, body: &[u8], into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.post_head);
        // Writing to a Vec can't fail.
        drop(write!(into, "{}\r\n\r\n", body.len()));
        into.extend_from_slice(body);
    }
}

/// An error for a server that can't be connected to.
pub(super) fn unreachable(connector: &Connector, error: &RequestError) -> Error {
    Error::Unreachable {
        address: connector.address().to_string(),
        code: error.code.to_string(),
        reason: error.sample.clone(),
    }
}

async fn round_trip(connector: &Connector) -> Result<Duration, RequestError> {
    let mut samples = Vec::with_capacity(RTT_SAMPLES);
    for _ in 0..RTT_SAMPLES {
        samples.push(connector.connect_time().await?);
    }
    samples.sort_unstable();
    Ok(samples[RTT_SAMPLES / 2])
}

/// Encodes a generation for this target into a buffer.
pub(crate) fn generation(
    target: &Target,
    prompt: &str,
    output_tokens: u32,
    seed: u64,
    into: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let generation = Generation {
        model: &target.model,
        prompt,
        output_tokens,
        seed,
        num_ctx: target.num_ctx,
        prefix_caching: target.prefix_caching,
    };
    into.clear();
    encode_body(target.engine, &generation, into)
}
