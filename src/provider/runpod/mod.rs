//! RunPod: pods that are rented by the second, over its REST v2. A pod runs the engine's container, so machine and
//! engine are one.
//!
//! A create isn't idempotent there, names needn't be unique and a list may lag. So a pod is looked for by our name
//! before it is created, after a create whose answer was lost, and again until it is gone.

mod account;
mod client;
mod limit;
mod machine;
mod policy;
mod take_over;
mod types;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use self::{client::Client, policy::CreateVerdict, types::Pod};
use super::{
    Balance, Billed, ContainerSpec, EngineRequest, GpuFacts, GpuSampler, HostFacts, Liveness, Machine,
    MachineRequest, Provider, ProviderPod, RequestGate, RunningEngine,
};
use crate::{
    config::Secret,
    domain::{failure::Failure, kinds::ProviderKind, spec::MachineSpec},
    retry::{self, Again, CallPolicy},
};

/// Log lines kept with a failure.
const TAIL_LINES: usize = 20;
/// Looks at the list in a row that find nothing before a pod is believed not to be there.
const LOOKS: u32 = 3;
/// Restarts of a container after which it is in a loop.
const MOST_RESTARTS: u32 = 2;
/// Pods without a GPU in a row after which no other is rented.
const MOST_PODS: u32 = 4;
/// How long list prices are believed.
const PRICES_HOLD: Duration = Duration::from_mins(10);
/// Looks at the list for a pod to vanish before `destroy` fails.
const LOOKS_AT_GOING: u32 = 10;

/// How RunPod is used.
#[derive(Debug, Clone)]
pub struct RunpodSettings {
    /// Key of the account.
    pub api_key: Secret,
    /// Base URL of the REST API.
    pub api_url: Url,
    /// URL of its GraphQL API, which alone knows the balance.
    pub graphql_url: Url,
    /// URL of an HTTP port, with `{pod_id}` and `{port}`: used where no TCP port is mapped.
    pub proxy_url_template: String,
    /// The user's Hugging Face token.
    pub hf_token: Option<Secret>,
    /// Name of the RunPod secret that holds it; it comes before the token.
    pub hf_secret: Option<String>,
    /// How long a pod may take until its container runs.
    pub start_deadline: Duration,
    /// How long a pod that is taken over may go on with the container of before until a restart is asked for.
    pub restart_after: Duration,
    /// How old the list of pods may be that waiting goes by.
    pub poll_every: Duration,
    /// How long a log that says nothing more is listened to.
    pub log_idle: Duration,
    /// How long the balance is waited for: nothing depends on it.
    pub balance_limit: Duration,
    /// Requests a minute.
    pub requests_per_minute: u32,
    /// Where this process takes turns with others that use the account; `None`: there are none.
    pub gate: Option<Arc<dyn RequestGate>>,
    /// How a call is repeated.
    pub calls: CallPolicy,
}

impl RunpodSettings {
    /// What RunPod's documents advise, with this key at this URL.
    #[must_use]
    pub fn new(api_key: Secret, api_url: Url, graphql_url: Url, proxy_url_template: String) -> Self {
        Self {
            api_key,
            api_url,
            graphql_url,
            proxy_url_template,
            hf_token: None,
            hf_secret: None,
            start_deadline: Duration::from_mins(20),
            restart_after: Duration::from_secs(30),
            poll_every: Duration::from_secs(5),
            log_idle: Duration::from_secs(2),
            balance_limit: Duration::from_secs(10),
            requests_per_minute: 60,
            gate: None,
            calls: CallPolicy::default(),
        }
    }
}

/// What this process saw of a pod.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    port: u16,
    since: Instant,
    uptime: f64,
    restarts: u32,
    restart_asked: bool,
}

/// See the module.
pub struct RunpodProvider {
    settings: RunpodSettings,
    client: Arc<Client>,
    seen: Mutex<HashMap<String, Seen>>,
    prices: tokio::sync::Mutex<Option<(Instant, BTreeMap<String, Decimal>)>>,
}

impl fmt::Debug for RunpodProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunpodProvider").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RunpodProvider {
    /// A provider for this account.
    ///
    /// # Errors
    /// `host_error` when no HTTP client can be made.
    pub fn new(settings: RunpodSettings) -> Result<Self, Failure> {
        let client = Arc::new(Client::new(&settings)?);
        Ok(Self { settings, client, seen: Mutex::default(), prices: tokio::sync::Mutex::default() })
    }

    fn with_seen<T>(&self, work: impl FnOnce(&mut HashMap<String, Seen>) -> T) -> T {
        work(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of a pod; returns for how long it is known and how often its container came up again.
    fn note(&self, pod: &Pod, port: Option<u16>) -> (Duration, u32) {
        self.with_seen(|seen| {
            let fresh = || Seen {
                id: pod.id.clone(),
                port: port.unwrap_or_default(),
                since: Instant::now(),
                uptime: 0.0,
                restarts: 0,
                restart_asked: false,
            };
            let known = seen.entry(pod.name.clone()).or_insert_with(fresh);
            if known.id != pod.id {
                *known = fresh();
            }
            known.port = port.unwrap_or(known.port);
            if let Some(uptime) = pod.runtime.as_ref().and_then(|runtime| runtime.uptime) {
                known.restarts += u32::from(uptime < known.uptime);
                known.uptime = uptime;
            }
            (known.since.elapsed(), known.restarts)
        })
    }

    /// The pod of this name: from a list of at most this age, else by the ids we know. The one we saw last comes first:
    /// the ledger's may be that of a pod that was given up since.
    async fn find(&self, name: &str, id: Option<&str>, age: Duration) -> Result<Option<Pod>, Failure> {
        let listed = self.client.pods(age).await?;
        let mut named = listed.into_iter().filter(|pod| pod.name == name && !pod.is_gone());
        let known = self.with_seen(|seen| seen.get(name).map(|seen| seen.id.clone()));
        if let Some(pod) = named.next() {
            return Ok(Some(pod));
        }
        for id in known.iter().map(String::as_str).chain(id) {
            let pod = self.client.pod(id).await?.filter(|pod| pod.name == name && !pod.is_gone());
            if pod.is_some() {
                return Ok(pod);
            }
        }
        Ok(None)
    }

    /// Looks for a pod whose create wasn't answered; a list may lag.
    async fn look_again(&self, name: &str) -> Result<Option<Pod>, Failure> {
        for _ in 0..LOOKS {
            if let Some(pod) = self.find(name, None, Duration::ZERO).await? {
                return Ok(Some(pod));
            }
            tokio::time::sleep(self.settings.poll_every).await;
        }
        Ok(None)
    }

    /// Rents the first of the candidates that can be had.
    async fn create(&self, request: &MachineRequest, container: &ContainerSpec) -> Result<Pod, Failure> {
        let mut refused = Vec::new();
        for gpu_id in machine::candidates(request)? {
            let body = machine::create_body(request, container, &gpu_id, &self.settings);
            let created = retry::call(
                self.client.policy(),
                |(_, again)| *again,
                || async {
                    let error = match self.client.create(&body).await {
                        Ok(pod) => return Ok(Ok(pod)),
                        Err(error) => error,
                    };
                    match policy::create_verdict(&error) {
                        CreateVerdict::NextGpu(reason) => return Ok(Err(reason)),
                        CreateVerdict::LookFirst => match self.look_again(&request.name).await {
                            Ok(Some(pod)) => return Ok(Ok(pod)),
                            Ok(None) => {}
                            // Whether it is there can't be told: creating another might pay for two.
                            Err(failure) => return Err((failure, Again::Never)),
                        },
                        CreateVerdict::Again | CreateVerdict::Stop => {}
                    }
                    Err((policy::failure(&error), policy::again(&error)))
                },
            );
            match created.await {
                Ok(Ok(pod)) => {
                    tracing::info!(pod = %pod.name, id = %pod.id, gpu = %gpu_id, "pod rented");
                    return Ok(pod);
                }
                Ok(Err(reason)) => refused.push(json!({ "gpu": gpu_id, "reason": reason })),
                Err((failure, _)) => return Err(failure),
            }
        }
        let place = match &request.machine.data_center {
            Some(data_center) => format!(" in {data_center}, where it has to be"),
            None => String::new(),
        };
        let message = format!(
            "RunPod has none of the {} GPUs asked for ({}){place}: trying again later, or ask for another",
            refused.len(),
            request.machine.gpu_id
        );
        Err(Failure::transient("no_capacity", message).with_details(json!({ "tried": refused })))
    }

    /// Removes a pod that is of no use, and says why with the last of its log.
    async fn give_up(&self, pod: &Pod, source: &str, code: &str, what: &str) -> Failure {
        let log_tail = self.client.logs(&pod.id, source, TAIL_LINES).await.unwrap_or_default();
        let removed = match self.destroy(&pod.name, Some(&pod.id)).await {
            Ok(()) => "the pod was removed".to_owned(),
            // Teardown tries again, and what went wrong first is what is to be known.
            Err(failure) => format!("the pod is still there ({})", failure.message),
        };
        Failure::transient(code, format!("{what}; {removed}"))
            .with_details(json!({ "log_tail": log_tail, "pod_id": pod.id }))
    }

    /// Why a pod's engine can't be working, where that is so.
    fn trouble(pod: &Pod, restarts: u32) -> Option<String> {
        if pod.has_ended() {
            return Some(format!("the pod is {}", pod.status));
        }
        if pod.lacks_gpus() {
            return Some("the pod runs without a GPU".to_owned());
        }
        (restarts >= MOST_RESTARTS).then(|| format!("its container has restarted {restarts} times"))
    }
}

#[async_trait]
impl Provider for RunpodProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Runpod
    }

    fn api_key(&self, name: &str) -> Option<String> {
        machine::engine_key(&self.settings.api_key, name)
    }

    async fn ensure_machine(&self, request: &MachineRequest) -> Result<Machine, Failure> {
        let container = request
            .container
            .as_ref()
            .ok_or_else(|| Failure::permanent("bad_request", "a rented machine needs a container to run"))?;
        if request.gated_model && self.settings.hf_token.is_none() && self.settings.hf_secret.is_none() {
            return Err(Failure::permanent(
                "model_gated",
                "the model's weights need a Hugging Face token whose owner accepted its terms, and nothing was rented: \
                 set HF_TOKEN, or RUNPOD_HF_SECRET to the name of a RunPod secret that holds it",
            ));
        }
        let known = self.with_seen(|seen| seen.contains_key(&request.name));
        let age = if known { self.settings.poll_every } else { Duration::ZERO };
        let found = match self.find(&request.name, request.external_id.as_deref(), age).await? {
            None if request.taken_for.is_some() => self.take_over(request, container).await?,
            found => found,
        };
        let pod = match found {
            // It is seen that way after a restart of its host; another one isn't.
            Some(pod) if pod.lacks_gpus() && request.rented_before >= MOST_PODS => {
                let what = format!("{MOST_PODS} pods in a row had no GPU");
                let mut failure = self.give_up(&pod, "system", "pod_without_gpu", &what).await;
                failure.retryable = false;
                return Err(failure);
            }
            Some(pod) if pod.lacks_gpus() => {
                tracing::warn!(pod = %pod.name, id = %pod.id, "the pod has no GPU; renting another");
                self.destroy(&pod.name, Some(&pod.id)).await?;
                self.create(request, container).await?
            }
            Some(pod) => pod,
            None => self.create(request, container).await?,
        };
        let pod = self.as_ours(pod, request).await;
        let (seen_for, restarts) = self.note(&pod, Some(container.port));
        // Another worker may have waited for it before us.
        let rented_for = request.rented_for.filter(|_| request.external_id.as_deref() == Some(&*pod.id));
        let waited = seen_for.max(rented_for.unwrap_or_default());
        if let Some(what) = Self::trouble(&pod, restarts) {
            return Err(self.give_up(&pod, "container", "engine_exited", &what).await);
        }
        if !pod.runs() && waited >= self.settings.start_deadline {
            let seconds = waited.as_secs();
            let what =
                format!("the pod has been {} for {seconds} s, and its container isn't running", pod.status);
            return Err(self.give_up(&pod, "system", "pod_not_started", &what).await);
        }
        let gpus = pod.gpu.iter().flat_map(|gpu| {
            let facts = GpuFacts { name: gpu.id.clone(), memory_mib: None, uuid: None, power_limit_w: None };
            std::iter::repeat_n(facts, gpu.count as usize)
        });
        let facts =
            HostFacts { gpus: gpus.collect(), region: pod.data_center_id.clone(), ..HostFacts::default() };
        let ready = pod.is_addressable(container.port);
        let endpoint = ready.then(|| machine::endpoint(&pod, container.port, &self.settings)).transpose()?;
        let (price_usd_per_hour, rented) = (pod.price(), Some(pod.rented()));
        Ok(Machine { ready, facts, endpoint, price_usd_per_hour, rented, external_id: Some(pod.id) })
    }

    /// From the list that all share, so no oftener than it is asked for anyway.
    fn sample_gpus(&self, name: &str, every: Duration) -> Option<GpuSampler> {
        let (client, name) = (Arc::clone(&self.client), name.to_owned());
        let every = every.max(self.settings.poll_every);
        Some(GpuSampler::poll(every, move || {
            let (client, name) = (Arc::clone(&client), name.clone());
            async move {
                let pods = client.pods(every).await.unwrap_or_default();
                pods.iter().find(|pod| pod.name == name).map(Pod::gpu_samples).unwrap_or_default()
            }
        }))
    }

    async fn ensure_engine(&self, request: &EngineRequest) -> Result<RunningEngine, Failure> {
        let id = request.machine_external_id.as_deref();
        let found = self.find(&request.name, id, self.settings.poll_every).await?;
        let pod = found.ok_or_else(|| {
            Failure::permanent("engine_exited", "the pod is gone: `dria-bench runs retry` rents another")
        })?;
        let (_, restarts) = self.note(&pod, request.port);
        if let Some(what) = Self::trouble(&pod, restarts) {
            let log_tail = self.client.logs(&pod.id, "container", TAIL_LINES).await.unwrap_or_default();
            return Err(
                Failure::permanent("engine_exited", what).with_details(json!({ "log_tail": log_tail }))
            );
        }
        let port = request
            .port
            .ok_or_else(|| Failure::permanent("bad_request", "the port of a rented engine isn't known"))?;
        let endpoint = machine::endpoint(&pod, port, &self.settings)?;
        tracing::info!(pod = %pod.name, through_proxy = endpoint.through_proxy, "the engine's address");
        // Its start was the machine's: whoever asks first waits for it.
        Ok(RunningEngine { external_id: Some(pod.id), endpoint, started_now: true, command: None, log: None })
    }

    async fn engine_alive(&self, name: &str, external_id: Option<&str>) -> Result<Liveness, Failure> {
        let Some(pod) = self.find(name, external_id, self.settings.poll_every).await? else {
            return Ok(Liveness::Gone { reason: "the pod is gone".to_owned(), log_tail: String::new() });
        };
        let (_, restarts) = self.note(&pod, None);
        let Some(reason) = Self::trouble(&pod, restarts) else { return Ok(Liveness::Alive) };
        let log_tail = self.client.logs(&pod.id, "container", TAIL_LINES).await.unwrap_or_default();
        Ok(Liveness::Gone { reason, log_tail })
    }

    async fn logs(&self, name: &str, lines: usize) -> Result<String, Failure> {
        match self.find(name, None, self.settings.poll_every).await? {
            Some(pod) => self.client.logs(&pod.id, "container", lines).await,
            None => Ok(String::new()),
        }
    }

    async fn destroy(&self, name: &str, external_id: Option<&str>) -> Result<(), Failure> {
        let known = self.with_seen(|seen| seen.get(name).map(|seen| seen.id.clone()));
        let mut ids: Vec<String> = external_id.map(str::to_owned).into_iter().chain(known).collect();
        ids.dedup();
        let mut clean = 0;
        for id in &ids {
            self.client.delete(id).await?;
        }
        for _ in 0..LOOKS_AT_GOING {
            let mut left = self.client.pods(Duration::ZERO).await?;
            // By its id too: it may still have the name of the run before.
            left.retain(|pod| !pod.is_gone() && (pod.name == name || ids.contains(&pod.id)));
            for pod in &left {
                self.client.delete(&pod.id).await?;
            }
            clean = if left.is_empty() { clean + 1 } else { 0 };
            // A list may lag: one that shows none says little, whatever ids we knew.
            if clean >= LOOKS {
                self.with_seen(|seen| seen.remove(name));
                return Ok(());
            }
            tokio::time::sleep(self.settings.poll_every).await;
        }
        Err(Failure::transient(
            "not_gone",
            format!("RunPod still lists {name} after it was removed: trying again"),
        ))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ProviderPod>, Failure> {
        let pods = self.client.pods(Duration::ZERO).await?;
        let ours = pods.into_iter().filter(|pod| pod.name.starts_with(prefix) && !pod.is_gone());
        Ok(ours
            .map(|pod| ProviderPod { rented: Some(pod.rented()), name: pod.name, external_id: pod.id })
            .collect())
    }

    async fn quote(&self, machine: &MachineSpec) -> Result<Option<Decimal>, Failure> {
        let mut known = self.prices.lock().await;
        if known.as_ref().is_none_or(|(asked, _)| asked.elapsed() > PRICES_HOLD) {
            *known = Some((Instant::now(), self.client.list_prices().await?));
        }
        let prices = known.as_ref().map(|(_, prices)| prices);
        let wanted = std::iter::once(&machine.gpu_id).chain(&machine.gpu_candidates);
        let cheapest = wanted.filter_map(|gpu| prices?.get(gpu)).min().copied();
        Ok(cheapest.map(|price| price * Decimal::from(machine.gpu_count.max(1))))
    }

    async fn balance(&self) -> Result<Option<Balance>, Failure> {
        self.client.balance(self.settings.balance_limit).await.map(Some)
    }

    async fn billed(&self, since: DateTime<Utc>) -> Result<Vec<Billed>, Failure> {
        self.client.billed(since).await
    }
}
