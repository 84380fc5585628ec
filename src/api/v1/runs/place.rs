//! Where a run that came over the network may lead: what of it needs an admin, and which addresses it never asks.

use std::time::Duration;

use url::{Host, Url};

use crate::{
    api::error::{BadField, Error},
    domain::{
        addresses::{METADATA_NAMES, is_forbidden},
        spec::RunSpec,
    },
};

/// How long a name is looked up.
const LOOK_UP: Duration = Duration::from_secs(3);

/// The parts of a request that say what is started or asked for on the machines of this deployment.
pub(super) fn restricted(spec: &RunSpec) -> Vec<&'static str> {
    let given = [
        (spec.machine.url.is_some(), "machine.url"),
        (spec.model.path.is_some(), "model.path"),
        (!spec.engine.extra_args.is_empty(), "engine.extra_args"),
    ];
    given.into_iter().filter_map(|(given, part)| given.then_some(part)).collect()
}

/// Checks the URL of an engine that runs already, given in this field, and writes it as it will be used.
///
/// The name is looked up once, here. A name server that answers otherwise later is not noticed: that needs an admin who
/// wants it.
///
/// # Errors
/// When it is no URL for an engine, holds a password, or leads to where machines are told secrets.
pub(in crate::api::v1) async fn check_url(field: &str, text: &str) -> Result<String, Error> {
    let bad = |message: String| Error::Fields(vec![BadField { field: field.to_owned(), message }]);
    let url: Url = text.parse().map_err(|error| bad(format!("is no URL: {error}")))?;
    let Some(host) = url.host() else { return Err(bad("must have a host".to_owned())) };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("must be http or https".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must not hold a password: it would be stored with the run".to_owned()));
    }
    let forbidden = || bad("leads to a link-local or metadata address, which is never asked".to_owned());
    let leads_astray = match host {
        Host::Ipv4(address) => is_forbidden(address.into()),
        Host::Ipv6(address) => is_forbidden(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            METADATA_NAMES.contains(&name.as_str()) || look_up(&name, url.port_or_known_default()).await
        }
    };
    if leads_astray { Err(forbidden()) } else { Ok(url.to_string()) }
}

/// Whether one of a name's addresses is forbidden. A name that nobody knows leads nowhere.
async fn look_up(name: &str, port: Option<u16>) -> bool {
    let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((name, port.unwrap_or(80)))).await;
    found.is_ok_and(|found| found.is_ok_and(|mut found| found.any(|address| is_forbidden(address.ip()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_tells_machines_secrets_is_refused_however_it_is_written() {
        for url in [
            "http://169.254.169.254/latest",
            "http://2852039166",
            "http://0xa9fea9fe:8000",
            "http://[::ffff:169.254.169.254]",
            "http://[fe80::1]:8000",
            "http://[fd00:ec2::254]",
            "http://metadata.google.internal",
            "http://METADATA.google.internal./x",
            "http://100.100.100.200",
            "http://0.0.0.0:8000",
            "ftp://example.com",
            "http://user:secret@example.com",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(check_url("url", url).await.is_err(), "{url}");
        }
        assert_eq!(check_url("url", "http://10.0.0.7:8000").await.unwrap(), "http://10.0.0.7:8000/");
        assert!(check_url("url", "http://127.0.0.1:8000").await.is_ok());
    }
}
