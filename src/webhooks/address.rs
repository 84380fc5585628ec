//! Where a message may go. A name is looked up once, and what was found is what is connected to: a name server that answers
//! otherwise a moment later leads nowhere.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::domain::addresses::{METADATA_NAMES, is_forbidden, is_public};

/// The longest URL.
const LONGEST: usize = 2000;

/// Reads the URL of a receiver: `https`, without a password. The rest of the error reads on from "the URL".
pub(super) fn read(text: &str, allow_private: bool) -> Result<Url, String> {
    if text.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let url: Url = text.parse().map_err(|error| format!("can't be read: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => {
            return Err("must be https: messages would be sent for everybody on the way to read".to_owned());
        }
        _ => return Err("must be https".to_owned()),
    }
    if url.host().is_none() {
        return Err("must have a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a password: messages are signed, which says more".to_owned());
    }
    Ok(url)
}

/// Where a URL leads: addresses of its host, all of which may be asked.
pub(super) async fn resolve(url: &Url, allow_private: bool) -> Result<Vec<SocketAddr>, String> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            if METADATA_NAMES.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(refusal(allow_private));
            }
            let found = tokio::net::lookup_host((name, port)).await;
            found.map_err(|error| format!("has a host that can't be found: {error}"))?.collect()
        }
        None => return Err("must have a host".to_owned()),
    };
    if found.is_empty() {
        return Err("has a host without an address".to_owned());
    }
    if found.iter().all(|address| may_ask(address.ip(), allow_private)) {
        Ok(found)
    } else {
        Err(refusal(allow_private))
    }
}

fn may_ask(address: IpAddr, allow_private: bool) -> bool {
    if allow_private { !is_forbidden(address) } else { is_public(address) }
}

fn refusal(allow_private: bool) -> String {
    if allow_private {
        "leads to a link-local or metadata address, which is never asked".to_owned()
    } else {
        "leads to this machine or its networks: receivers there need webhooks.allow_private in the settings"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(url: &str, allow_private: bool) -> Result<Vec<SocketAddr>, String> {
        resolve(&read(url, allow_private)?, allow_private).await
    }

    #[tokio::test]
    async fn nothing_leads_inside_unless_it_is_allowed_and_to_metadata_never() {
        for url in [
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]:8443/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.1.2.3/",
            "https://192.168.0.9/",
            "http://1.1.1.1/",
            "ftp://1.1.1.1/",
            "https://user:secret@1.1.1.1/",
            "nonsense",
        ] {
            assert!(check(url, false).await.is_err(), "{url}");
        }
        assert!(check("https://1.1.1.1/hook", false).await.is_ok());
        for url in ["http://127.0.0.1:9/x", "http://10.1.2.3/", "http://localhost:9/"] {
            assert!(check(url, true).await.is_ok(), "{url}");
        }
        for url in [
            "http://169.254.169.254/latest",
            "http://metadata.google.internal./",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
        ] {
            assert!(check(url, true).await.is_err(), "{url}");
        }
    }
}
