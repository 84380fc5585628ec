//! A RunPod of the tests' own: a real HTTP server with the shapes of its REST v2. Each pod is a truth server. Faults are
//! scripted, and every request and every pod is remembered.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
use dria_bench::{
    config::Secret,
    provider::{Provider, RunpodProvider, RunpodSettings},
    retry::{Backoff, CallPolicy},
    truth::{self, TruthServer},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

/// The key that the fake knows.
pub(crate) const KEY: &str = "rpa_FAKEKEYFAKEKEYFAKEKEY";

/// The token of who rents here.
pub(crate) const HF_TOKEN: &str = "hf_VERYSECRETVERYSECRET";

/// A proxy that nobody reaches.
const NO_PROXY: &str = "http://127.0.0.1:1/{pod_id}/{port}";

const RUNNING: &str = include_str!("../../fixtures/runpod/v2/pod_get.running.200.json");
const GPUS: &str = include_str!("../../fixtures/runpod/v2/catalog_gpus.200.json");
const BILL: &str = include_str!("../../fixtures/runpod/v2/billing_pods.200.json");
const MYSELF: &str = include_str!("../../fixtures/runpod/graphql/myself.200.json");
const HTML: &str = include_str!("../../fixtures/runpod/v2/error.403_cloudflare.html");
const FIELDS: [&str; 10] =
    ["name", "image", "args", "disk", "ports", "env", "cloud", "dataCenterIds", "gpu", "mounts"];
/// What a change may hold.
const MUTABLE: [&str; 9] =
    ["name", "image", "args", "disk", "ports", "env", "registry", "mounts", "globalNetworking"];
/// Where pods are, in turn, where nobody asks for a data center.
const DATA_CENTERS: [&str; 3] = ["US-KS-2", "EU-RO-1", "CA-MTL-1"];

/// What goes wrong next.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(crate) struct Faults {
    /// GPUs of which there are none.
    pub(crate) no_capacity: Vec<String>,
    /// Data centers that are full.
    pub(crate) full: Vec<String>,
    /// GPUs that aren't for this account.
    pub(crate) forbidden: Vec<String>,
    /// Creates whose reply breaks off after the pod was made.
    pub(crate) lost_replies: u32,
    /// Changes whose reply breaks off after they were made, and changes that don't restart the container by themselves.
    pub(crate) lost_changes: u32,
    pub(crate) no_reset: bool,
    /// Statuses that the next requests of this method are answered with; 403 is a page in HTML.
    pub(crate) answers: VecDeque<(Method, u16)>,
    /// Lists that still are as they were when this was set.
    pub(crate) lag: Option<(u32, Vec<Value>)>,
    /// Pods made without a GPU.
    pub(crate) without_gpu: u32,
    /// Pods whose container never runs, that end at once, that restart at every look, that have no TCP port.
    pub(crate) stuck: bool,
    pub(crate) exits: bool,
    pub(crate) restarts: bool,
    pub(crate) no_tcp: bool,
    /// Ports are listed without a number outside.
    pub(crate) unmapped: bool,
    /// Pods that run from their create on.
    pub(crate) at_once: bool,
    /// What pods cost, USD an hour, and the list says of an `NVIDIA H200`; null: as in the fixtures.
    pub(crate) price: Value,
    /// The account's balance; null: as in the fixture.
    pub(crate) balance: Value,
    /// GraphQL answers this body; empty: it doesn't answer at all.
    pub(crate) graphql: Option<&'static str>,
    /// Records of the bill: a pod's id and an amount.
    pub(crate) bill: Vec<(String, Value)>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
struct FakePod {
    body: Value,
    looks: u32,
    engine: TruthServer,
    /// When its container came up.
    started: Instant,
    /// The container of a change that waits for a restart.
    next: Option<TruthServer>,
    /// The port that its container listens on.
    port: u16,
    stuck: bool,
    exits: bool,
    restarts: bool,
    no_tcp: bool,
}

#[derive(Debug, Default)]
struct Inner {
    faults: Faults,
    pods: Vec<FakePod>,
    requests: Vec<String>,
    bodies: Vec<Value>,
    changes: Vec<Value>,
    created: u32,
}

/// See the module.
pub(crate) struct FakeRunpod {
    inner: Arc<Mutex<Inner>>,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for FakeRunpod {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeRunpod {
    pub(crate) async fn start() -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let app = Router::new()
            .route("/v2/pods", any(pods))
            .route("/v2/pods/{id}", any(one))
            .route("/v2/pods/{id}/action", any(act))
            .route("/v2/pods/{id}/logs", any(logs))
            .route("/v2/catalog/gpus", any(gpus))
            .route("/v2/billing/pods", any(bill))
            .route("/graphql", any(graphql))
            .with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inner, url, server }
    }

    /// Settings for it that lose their patience quickly.
    pub(crate) fn settings(&self) -> RunpodSettings {
        let backoff = Backoff { initial: Duration::from_millis(5), max: Duration::from_millis(20) };
        RunpodSettings {
            poll_every: Duration::from_millis(10),
            log_idle: Duration::from_millis(200),
            balance_limit: Duration::from_millis(300),
            requests_per_minute: 100_000,
            calls: CallPolicy { tries: 4, backoff, longest_retry_after: Duration::from_secs(30) },
            ..RunpodSettings::new(
                Secret::new(KEY),
                self.url.parse().unwrap(),
                self.graphql_url().parse().unwrap(),
                NO_PROXY.to_owned(),
            )
        }
    }

    /// Base URL of its REST API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn graphql_url(&self) -> String {
        self.url.replace("/v2", "/graphql")
    }

    /// Ends every pod as its host's failure would.
    pub(crate) fn lose_pods(&self) {
        lock(&self.inner).pods.clear();
    }

    /// What tells the program to rent here, and not to wait long between two looks. Oftener, and a run would use up the
    /// account's requests a minute.
    pub(crate) fn environment(&self) -> [(&'static str, String); 7] {
        [
            ("RUNPOD_API_KEY", KEY.to_owned()),
            ("HF_TOKEN", HF_TOKEN.to_owned()),
            ("RUNPOD_API_URL", self.url.clone()),
            ("RUNPOD_GRAPHQL_URL", self.graphql_url()),
            ("RUNPOD_PROXY_URL_TEMPLATE", NO_PROXY.to_owned()),
            ("DRIA_BENCH_RUNPOD_POLL_MS", "500".to_owned()),
            ("DRIA_BENCH_RUNPOD_REQUESTS_PER_MINUTE", "100000".to_owned()),
        ]
    }

    /// The key that the engine of the pod of this name asks for.
    pub(crate) fn engine_key(&self, name: &str) -> String {
        self.provider().api_key(name).unwrap()
    }

    pub(crate) fn provider(&self) -> RunpodProvider {
        RunpodProvider::new(self.settings()).unwrap()
    }

    pub(crate) fn fault(&self, set: impl FnOnce(&mut Faults)) {
        set(&mut lock(&self.inner).faults);
    }

    /// The next `calls` lists show what is there now.
    pub(crate) fn lag(&self, calls: u32) {
        let mut inner = lock(&self.inner);
        let now = inner.pods.iter().map(|pod| pod.body.clone()).collect();
        inner.faults.lag = Some((calls, now));
    }

    /// The next `calls` lists show no pod.
    pub(crate) fn hide(&self, calls: u32) {
        self.fault(|faults| faults.lag = Some((calls, Vec::new())));
    }

    /// Pods that there are, and pods that there ever were.
    pub(crate) fn counts(&self) -> (usize, u32) {
        let inner = lock(&self.inner);
        (inner.pods.len(), inner.created)
    }

    /// Bodies of all creates, refused ones too.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        lock(&self.inner).bodies.clone()
    }

    /// Bodies of all changes, refused ones too.
    pub(crate) fn changes(&self) -> Vec<Value> {
        lock(&self.inner).changes.clone()
    }

    /// Names of the pods that there are.
    pub(crate) fn names(&self) -> Vec<String> {
        let inner = lock(&self.inner);
        inner.pods.iter().map(|pod| pod.body["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Requests so far that begin so.
    pub(crate) fn requests(&self, start: &str) -> usize {
        lock(&self.inner).requests.iter().filter(|request| request.starts_with(start)).count()
    }
}

fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap()
}

fn problem(status: u16, detail: &str) -> Response {
    let body = json!({ "title": "Error", "status": status, "detail": detail });
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/problem+json")], body.to_string())
        .into_response()
}

/// What is wrong with a request before anybody looks at what it asks for.
fn refused(inner: &mut Inner, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    inner.requests.push(format!("{method} {uri}"));
    if !headers.contains_key("user-agent") {
        return Some((StatusCode::FORBIDDEN, HTML).into_response());
    }
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {KEY}")) {
        return Some(problem(401, "missing bearer token"));
    }
    let at = inner.faults.answers.iter().position(|(of, _)| of == method)?;
    let (_, status) = inner.faults.answers.remove(at)?;
    Some(match status {
        403 => (StatusCode::FORBIDDEN, HTML).into_response(),
        429 => {
            let mut response = problem(429, "rate limit exceeded for the minute window");
            response.headers_mut().insert("retry-after", "0".parse().unwrap());
            response
        }
        status => problem(status, "insufficient balance, or worse"),
    })
}

async fn pods(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(response) = refused(&mut lock(&inner), &method, &uri, &headers) {
        return response;
    }
    if method == Method::POST { create(&inner, &body).await } else { list(&mut lock(&inner)) }
}

fn list(inner: &mut Inner) -> Response {
    let mut shown: Vec<Value> = inner.pods.iter_mut().map(look).collect();
    if inner.faults.unmapped {
        for port in shown.iter_mut().filter_map(|pod| pod.pointer_mut("/runtime/ports/0")) {
            (port["public"], port["ip"]) = (Value::Null, Value::Null);
        }
    }
    if let Some((left, then)) = inner.faults.lag.as_mut()
        && *left > 0
    {
        *left -= 1;
        shown.clone_from(then);
    }
    axum::Json(json!({ "pods": shown })).into_response()
}

async fn create(inner: &Arc<Mutex<Inner>>, body: &str) -> Response {
    let asked: Value = serde_json::from_str(body).unwrap();
    let fields = asked.as_object().unwrap();
    let gpu_id = asked["gpu"]["id"].as_str().unwrap().to_owned();
    {
        let mut inner = lock(inner);
        inner.bodies.push(asked.clone());
        if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            return problem(422, &format!("$: additional properties '{unknown}' not allowed"));
        }
        let there = asked["dataCenterIds"][0].as_str();
        let is_full = there.is_some_and(|there| inner.faults.full.iter().any(|full| full == there));
        if inner.faults.no_capacity.contains(&gpu_id) || is_full {
            let text = "There are no longer any instances available with the requested specifications.";
            return problem(400, text);
        }
        if inner.faults.forbidden.contains(&gpu_id) {
            return problem(403, "access denied");
        }
    }
    let engine = container(&asked).await;
    let mut inner = lock(inner);
    inner.created += 1;
    let mut pod: Value = serde_json::from_str(RUNNING).unwrap();
    pod["id"] = json!(format!("pod{}", inner.created));
    for (field, value) in fields {
        pod[field] = value.clone();
    }
    let there = asked["dataCenterIds"][0].as_str();
    pod["dataCenterId"] =
        json!(there.unwrap_or(DATA_CENTERS[(inner.created as usize - 1) % DATA_CENTERS.len()]));
    pod["status"] = json!("PROVISIONING");
    pod["runtime"] = json!({});
    pod["createdAt"] = json!(dria_bench::clock::now().to_rfc3339());
    if !inner.faults.price.is_null() {
        pod["cost"] = inner.faults.price.clone();
    }
    if inner.faults.without_gpu > 0 {
        inner.faults.without_gpu -= 1;
        pod["gpu"]["count"] = json!(0);
    }
    let Faults { stuck, exits, restarts, no_tcp, at_once, .. } = inner.faults;
    let looks = if at_once { 3 } else { 0 };
    let port = port(&asked);
    let mut made = FakePod {
        body: pod,
        looks,
        engine,
        started: Instant::now(),
        next: None,
        port,
        stuck,
        exits,
        restarts,
        no_tcp,
    };
    let pod = if at_once { look(&mut made) } else { made.body.clone() };
    inner.pods.push(made);
    if inner.faults.lost_replies > 0 {
        inner.faults.lost_replies -= 1;
        return broken(StatusCode::CREATED);
    }
    (StatusCode::CREATED, axum::Json(pod)).into_response()
}

/// A reply that breaks off.
fn broken(status: StatusCode) -> Response {
    let pieces = futures::stream::iter([Err::<String, _>(std::io::Error::other("the line is cut"))]);
    (status, Body::from_stream(pieces)).into_response()
}

/// What the arguments of a body start.
async fn container(asked: &Value) -> TruthServer {
    let words: Vec<&str> = asked["args"].as_str().unwrap().split(' ').collect();
    let after = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1].to_owned());
    let settings = truth::Settings {
        ttft: Duration::from_millis(5),
        itl: Duration::from_millis(1),
        model: after("--served-model-name").unwrap_or_else(|| "truth".to_owned()),
        ..truth::Settings::default()
    };
    truth::serve(settings, TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap()
}

fn port(asked: &Value) -> u16 {
    asked["ports"][0].as_str().unwrap().trim_end_matches("/tcp").parse().unwrap()
}

/// Changes a pod as far as it may be changed. Its container comes up anew, unless a fault says otherwise.
async fn change(inner: &Arc<Mutex<Inner>>, id: &str, body: &str) -> Response {
    let asked: Value = serde_json::from_str(body).unwrap();
    let fields = asked.as_object().unwrap();
    lock(inner).changes.push(asked.clone());
    if let Some(unknown) = fields.keys().find(|field| !MUTABLE.contains(&field.as_str())) {
        return problem(422, &format!("$: additional properties '{unknown}' not allowed"));
    }
    let engine = container(&asked).await;
    let mut inner = lock(inner);
    let no_reset = inner.faults.no_reset;
    let Some(pod) = inner.pods.iter_mut().find(|pod| pod.body["id"] == id) else {
        return problem(404, "pod not found");
    };
    for (field, value) in fields {
        pod.body[field] = value.clone();
    }
    pod.next = Some(engine);
    if !no_reset {
        pod.restart();
    }
    let shown = pod.body.clone();
    if inner.faults.lost_changes > 0 {
        inner.faults.lost_changes -= 1;
        return broken(StatusCode::OK);
    }
    axum::Json(shown).into_response()
}

impl FakePod {
    /// Its container ends, and the one it was last asked for comes up.
    fn restart(&mut self) {
        if let Some(next) = self.next.take() {
            self.engine = next;
        }
        (self.looks, self.started, self.port) = (0, Instant::now(), port(&self.body));
        (self.body["status"], self.body["runtime"]) = (json!("STARTING"), Value::Null);
    }
}

async fn act(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut inner = lock(&inner);
    if let Some(response) = refused(&mut inner, &method, &uri, &headers) {
        return response;
    }
    assert!(body.contains("restart") || body.contains("start"), "{body}");
    match inner.pods.iter_mut().find(|pod| pod.body["id"] == id.as_str()) {
        Some(pod) => pod.restart(),
        None => return problem(404, "pod not found"),
    }
    StatusCode::OK.into_response()
}

/// The pod as it is at this look: each brings it on.
fn look(pod: &mut FakePod) -> Value {
    pod.looks += 1;
    if pod.stuck || pod.looks < 3 {
        pod.body["status"] = json!(if pod.looks < 2 { "PROVISIONING" } else { "STARTING" });
        pod.body["runtime"] = Value::Null;
    } else if pod.exits {
        pod.body["status"] = json!("EXITED");
        pod.body["runtime"] = Value::Null;
    } else {
        let (private, public) = (pod.port, pod.engine.address().port());
        let kind = if pod.no_tcp { "http" } else { "tcp" };
        let up = if pod.restarts { f64::from(100 / pod.looks) } else { pod.started.elapsed().as_secs_f64() };
        pod.body["status"] = json!("RUNNING");
        pod.body["runtime"] = json!({
            "uptime": up,
            "gpus": vec![json!({"util": 1, "memoryUtil": 1}); pod.body["gpu"]["count"].as_u64().unwrap() as usize],
            "ports": [{"private": private, "public": public, "type": kind, "ip": "127.0.0.1"}],
        });
    }
    pod.body.clone()
}

async fn one(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(response) = refused(&mut lock(&inner), &method, &uri, &headers) {
        return response;
    }
    if method == Method::PATCH {
        return change(&inner, &id, &body).await;
    }
    let mut inner = lock(&inner);
    let Some(at) = inner.pods.iter().position(|pod| pod.body["id"] == id.as_str()) else {
        return problem(404, "pod not found");
    };
    if method == Method::DELETE {
        inner.pods.remove(at);
        return StatusCode::NO_CONTENT.into_response();
    }
    axum::Json(look(&mut inner.pods[at])).into_response()
}

async fn gpus(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut inner = lock(&inner);
    if let Some(response) = refused(&mut inner, &method, &uri, &headers) {
        return response;
    }
    let mut list: Value = serde_json::from_str(GPUS).unwrap();
    let mut gpu = list["gpus"][0].clone();
    gpu["id"] = json!("NVIDIA H200");
    if !inner.faults.price.is_null() {
        gpu["price"]["secure"] = inner.faults.price.clone();
    }
    list["gpus"].as_array_mut().unwrap().push(gpu);
    axum::Json(list).into_response()
}

async fn bill(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut inner = lock(&inner);
    if let Some(response) = refused(&mut inner, &method, &uri, &headers) {
        return response;
    }
    let mut bill: Value = serde_json::from_str(BILL).unwrap();
    let one = bill["records"][0].clone();
    let records = inner.faults.bill.iter().map(|(pod, usd)| {
        let mut record = one.clone();
        (record["podId"], record["totalAmount"]) = (json!(pod), usd.clone());
        record
    });
    bill["records"] = records.collect();
    axum::Json(bill).into_response()
}

/// It knows one question, and answers it with 200 whatever is wrong.
async fn graphql(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: String) -> Response {
    let (answer, balance) = {
        let mut inner = lock(&inner);
        inner.requests.push("GRAPHQL".to_owned());
        (inner.faults.graphql, inner.faults.balance.clone())
    };
    match answer {
        Some("") => futures::future::pending().await,
        Some(body) => return body.into_response(),
        None => {}
    }
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {KEY}"))
        || !body.contains("clientBalance")
    {
        return axum::Json(json!({ "errors": [{ "message": "not authenticated" }] })).into_response();
    }
    let mut myself: Value = serde_json::from_str(MYSELF).unwrap();
    if !balance.is_null() {
        myself["data"]["myself"]["clientBalance"] = balance;
    }
    axum::Json(myself).into_response()
}

async fn logs(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = refused(&mut lock(&inner), &method, &uri, &headers) {
        return response;
    }
    let recorded = include_str!("../../fixtures/runpod/v2/pod_logs.sse.txt");
    let line = "boom with hf_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let boom = json!({"ts": "", "source": "container", "line": line});
    let log = format!("{recorded}data: {boom}\n\n");
    ([("content-type", "text/event-stream")], log).into_response()
}
