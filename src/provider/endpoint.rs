//! Something that already runs at a URL. It is looked at, never started, stopped or paid for.

use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use url::Url;

use super::{
    Endpoint, EngineRequest, HostFacts, Liveness, Machine, MachineRequest, Provider, ProviderPod,
    RunningEngine,
};
use crate::domain::{failure::Failure, kinds::ProviderKind};

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct EndpointProvider {
    /// Bearer token for the endpoint.
    pub api_key: Option<String>,
}

impl EndpointProvider {
    fn endpoint(&self, url: Option<&str>) -> Result<Endpoint, Failure> {
        let bad = |what: String| Failure::permanent("bad_request", what);
        let text = url
            .ok_or_else(|| bad("the endpoint provider needs the URL of what runs: pass --url".to_owned()))?;
        let mut base_url = Url::parse(text)
            .map_err(|error| bad(format!("`{text}` is no URL ({error}): like http://127.0.0.1:8000")))?;
        if !matches!(base_url.scheme(), "http" | "https") || base_url.host_str().is_none() {
            return Err(bad(format!("`{text}` is no http or https URL: like http://127.0.0.1:8000")));
        }
        // People paste the OpenAI base URL; every route of ours begins at the root.
        let path = base_url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        base_url.set_path(&path);
        base_url.set_query(None);
        base_url.set_fragment(None);
        let through_proxy = base_url.host_str().is_some_and(|host| host.ends_with(".proxy.runpod.net"));
        Ok(Endpoint { base_url, api_key: self.api_key.clone(), through_proxy })
    }
}

/// Connects and hangs up.
async fn check(endpoint: &Endpoint) -> Result<(), Failure> {
    let host = endpoint.base_url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = endpoint.base_url.port_or_known_default().unwrap_or(80);
    let reason = match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", CONNECT_LIMIT.as_secs()),
    };
    Err(Failure::transient(
        "engine_unreachable",
        format!("nothing answers at {endpoint} ({reason}): start the engine there, or correct the URL"),
    ))
}

#[async_trait]
impl Provider for EndpointProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Endpoint
    }

    fn api_key(&self, _name: &str) -> Option<String> {
        self.api_key.clone()
    }

    async fn ensure_machine(&self, request: &MachineRequest) -> Result<Machine, Failure> {
        let endpoint = self.endpoint(request.machine.url.as_deref())?;
        // It is said to run: waiting for it to come would only keep the news from whoever mistyped.
        check(&endpoint).await.map_err(|failure| Failure { retryable: false, ..failure })?;
        let loopback = match endpoint.base_url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let facts = HostFacts { shared_with_client: loopback, ..HostFacts::default() };
        Ok(Machine {
            external_id: None,
            ready: true,
            facts,
            endpoint: Some(endpoint),
            price_usd_per_hour: None,
            rented: None,
        })
    }

    async fn ensure_engine(&self, request: &EngineRequest) -> Result<RunningEngine, Failure> {
        let endpoint = self.endpoint(request.url.as_deref())?;
        check(&endpoint).await?;
        Ok(RunningEngine { external_id: None, endpoint, started_now: false, command: None, log: None })
    }

    /// There is nothing to recognise it by: whoever probes the engine sees whether it answers.
    async fn engine_alive(&self, _name: &str, _external_id: Option<&str>) -> Result<Liveness, Failure> {
        Ok(Liveness::Alive)
    }

    async fn logs(&self, _name: &str, _lines: usize) -> Result<String, Failure> {
        Ok(String::new())
    }

    async fn destroy(&self, _name: &str, _external_id: Option<&str>) -> Result<(), Failure> {
        Ok(())
    }

    async fn list(&self, _prefix: &str) -> Result<Vec<ProviderPod>, Failure> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_as_people_paste_it_and_refused_with_an_example_when_it_is_none() {
        let provider = EndpointProvider::default();
        let shown = |url: &str| provider.endpoint(Some(url)).map(|endpoint| endpoint.to_string());
        assert_eq!(shown("http://h:8000/v1/?x=1#y").unwrap(), "http://h:8000");
        assert_eq!(shown("https://h/team/v1").unwrap(), "https://h/team");
        for bad in ["h:8000", "ftp://h", "", "http://"] {
            assert_eq!(shown(bad).unwrap_err().code, "bad_request", "{bad}");
        }
        assert!(provider.endpoint(None).unwrap_err().message.contains("--url"));
        assert!(provider.endpoint(Some("https://abc-8000.proxy.runpod.net")).unwrap().through_proxy);
    }
}
