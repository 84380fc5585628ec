//! Every source of prices as a server of the tests' own: `/<source>/…` answers with that source's recorded shape, asks for
//! its key where it wants one, and fails as scripted.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io::{Cursor, Write},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use dria_bench::{
    config::Secret,
    prices::{Access, Settings, sources, web::WebSettings},
    retry::{Backoff, CallPolicy},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The key that every source with one knows; Verda and Salad want two parts.
pub(crate) const KEY: &str = "unit-key:SECRETSECRET";

/// What a request is answered with instead.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A page in HTML, with this status.
    Html(u16),
    /// This status, with `Retry-After`.
    Status(u16, Option<u32>),
    /// This status and text.
    Says(u16, String),
    /// This body.
    Body(Vec<u8>),
    /// Nothing, ever.
    Hang,
    /// The right answer, broken off in the middle of its bytes.
    Broken,
    /// The right answer's first half, as if it were all.
    Half,
    /// So many bytes of blanks, without a length.
    Huge(usize),
}

#[derive(Default)]
struct Inner {
    faults: HashMap<String, VecDeque<Fault>>,
    /// Bodies that take the place of a source's own from now on, by path.
    bodies: HashMap<String, Vec<u8>>,
    requests: Vec<String>,
}

/// See the module.
pub(crate) struct FakeClouds {
    inner: Arc<Mutex<Inner>>,
    address: String,
    server: JoinHandle<()>,
}

impl Drop for FakeClouds {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeClouds {
    pub(crate) async fn start() -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inner, address, server }
    }

    pub(crate) fn url(&self, source: &str) -> String {
        format!("{}/{source}", self.address)
    }

    /// Settings that ask only this server, with every key, and lose their patience quickly.
    pub(crate) fn settings(&self) -> Settings {
        let access = sources::ALL.iter().map(|source| {
            let key = source.needs_key().then(|| Secret::new(KEY));
            (source.name().to_owned(), Access { url: Some(self.url(source.name()).parse().unwrap()), key })
        });
        let backoff = Backoff { initial: Duration::from_millis(2), max: Duration::from_millis(5) };
        Settings {
            access: access.collect::<BTreeMap<_, _>>(),
            ecb_url: Some(self.url("ecb").parse().unwrap()),
            web: WebSettings {
                calls: CallPolicy { tries: 3, backoff, longest_retry_after: Duration::from_secs(2) },
                call_limit: Duration::from_secs(20),
                pause: Duration::ZERO,
                max_bytes: 1_000_000,
            },
            time_limit: None,
            at_once: 4,
            drop_percent: 10,
        }
    }

    /// The next requests of this source fail so, one after the other.
    pub(crate) fn fail(&self, source: &str, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.inner).faults.entry(source.to_owned()).or_default().extend(faults);
    }

    /// From now on this path is answered with this body.
    pub(crate) fn serve(&self, path: &str, body: impl Into<Vec<u8>>) {
        lock(&self.inner).bodies.insert(path.to_owned(), body.into());
    }

    /// Requests of this source so far, as method-less paths with queries.
    pub(crate) fn requests(&self, source: &str) -> Vec<String> {
        let start = format!("/{source}");
        let all = lock(&self.inner).requests.clone();
        all.into_iter().filter(|path| path.split(['/', '?']).nth(1) == Some(&start[1..])).collect()
    }
}

fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap()
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_matches('/').to_owned();
    let source = path.split('/').next().unwrap().to_owned();
    let (fault, own) = {
        let mut inner = lock(&inner);
        inner.requests.push(uri.to_string());
        let fault = inner.faults.get_mut(&source).and_then(VecDeque::pop_front);
        (fault, inner.bodies.get(&path).cloned())
    };
    if headers.get("user-agent").is_none() {
        return (StatusCode::FORBIDDEN, "<html>error 1010</html>").into_response();
    }
    if !knows(&source, &path, &headers) {
        return (StatusCode::UNAUTHORIZED, include_str!("../../fixtures/prices/lambda/error.401.json"))
            .into_response();
    }
    let right = own.or_else(|| body(&path, uri.query().unwrap_or_default()));
    let status = |code| StatusCode::from_u16(code).unwrap();
    match fault {
        None => match right {
            Some(body) => body.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Some(Fault::Html(code)) => (status(code), "<!DOCTYPE html><html>try later</html>").into_response(),
        Some(Fault::Status(code, None)) => status(code).into_response(),
        Some(Fault::Status(code, Some(wait))) => {
            (status(code), [("retry-after", wait.to_string())]).into_response()
        }
        Some(Fault::Says(code, text)) => (status(code), text).into_response(),
        Some(Fault::Body(body)) => body.into_response(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Broken) => {
            let right = right.unwrap();
            let half = axum::body::Bytes::copy_from_slice(&right[..right.len() / 2]);
            let pieces = futures::stream::iter([Ok(half), Err(std::io::Error::other("broken off"))]);
            Body::from_stream(pieces).into_response()
        }
        Some(Fault::Half) => {
            let right = right.unwrap();
            right[..right.len() / 2].to_vec().into_response()
        }
        Some(Fault::Huge(bytes)) => {
            let piece = axum::body::Bytes::from(vec![b' '; 64_000]);
            let pieces = (0..bytes / piece.len()).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
            Body::from_stream(futures::stream::iter(pieces)).into_response()
        }
    }
}

/// Whether the request has the source's key, as the source wants it.
fn knows(source: &str, path: &str, headers: &HeaderMap) -> bool {
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|header| header == value);
    match source {
        "runpod_v2" | "lambda" | "primeintellect" | "digitalocean" | "tensordock" | "hyperbolic" => {
            has("authorization", &format!("Bearer {KEY}"))
        }
        "shadeform" => has("x-api-key", KEY),
        "hyperstack" => has("api_key", KEY),
        "scaleway" => has("x-auth-token", KEY),
        "salad" => has("salad-api-key", "SECRETSECRET"),
        "verda" if path != "verda/oauth2/token" => {
            has("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.example.example")
        }
        _ => headers.get("authorization").is_none(),
    }
}

macro_rules! fixture {
    ($name:literal) => {
        Some(include_bytes!(concat!("../../fixtures/prices/", $name)).to_vec())
    };
}

/// What a source answers at a path; `None`: there is no such thing.
pub(crate) fn body(path: &str, query: &str) -> Option<Vec<u8>> {
    match path {
        "runpod" => fixture!("runpod/gpu_types.200.json"),
        "runpod_v2/catalog/gpus" => fixture!("runpod/catalog_gpus_v2.200.json"),
        "vastai" => fixture!("vastai/bundles.200.json"),
        "vultr/plans" => fixture!("vultr/plans.200.json"),
        "vultr/plans-metal" => fixture!("vultr/plans_metal.200.json"),
        "azure" if query.contains("skip=1000") => {
            Some(br#"{"Items": [], "NextPageLink": null, "Count": 0}"#.to_vec())
        }
        "azure" => fixture!("azure/retail_prices.200.json"),
        "oci/shapes.json" => fixture!("oci/shapes.json"),
        "oci/products.json" => fixture!("oci/products.json"),
        "lium" => fixture!("lium/nodes.200.json"),
        "akash" => fixture!("akash/gpu_prices.200.json"),
        "cloudrift" => fixture!("cloudrift/instance_types.200.json"),
        "lambda" => fixture!("lambda/instance_types.200.json"),
        "shadeform" => fixture!("shadeform/instance_types.200.json"),
        "primeintellect" => fixture!("primeintellect/availability_gpus.200.json"),
        "hyperstack/pricebook" => fixture!("hyperstack/pricebook.200.json"),
        "hyperstack/core/flavors" => fixture!("hyperstack/flavors.200.json"),
        "verda/oauth2/token" => fixture!("verda/oauth_token.200.json"),
        "verda/instance-types" => fixture!("verda/instance_types.200.json"),
        "verda/instance-availability" => fixture!("verda/instance_availability.200.json"),
        "digitalocean" => fixture!("digitalocean/sizes.200.json"),
        "tensordock" => fixture!("tensordock/locations_v2.200.json"),
        "hyperbolic" => fixture!("hyperbolic/marketplace.200.json"),
        "salad/unit-key/gpu-classes" => fixture!("salad/gpu_classes.200.json"),
        "ecb" => fixture!("ecb/eurofxref_daily.xml"),
        "scaleway/fr-par-2/products/servers" => fixture!("scaleway/products_servers.200.json"),
        "skypilot/lambda/vms.csv" => fixture!("skypilot/lambda_vms.csv"),
        _ => by_part(path),
    }
}

/// The parts of a source that has nothing in them.
fn by_part(path: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["scaleway", _, "products", "servers"] => Some(br#"{"servers": {}}"#.to_vec()),
        ["skypilot", _, "vms.csv"] => {
            Some(b"InstanceType,Price,SpotPrice,Region,GpuInfo,AcceleratorName,AcceleratorCount\n".to_vec())
        }
        ["gpuhunt", _, "version"] => Some(b"20261124-1\n".to_vec()),
        ["gpuhunt", cloud, "20261124-1", "catalog.zip"] => Some(catalog_zip(cloud)),
        _ => None,
    }
}

/// A cloud's gpuhunt catalog: RunPod's is recorded, that of AWS is in its columns, the others are empty.
fn catalog_zip(cloud: &str) -> Vec<u8> {
    let recorded = include_str!("../../fixtures/prices/gpuhunt/runpod_catalog.csv");
    let header = recorded.lines().next().unwrap();
    let csv = match cloud {
        "runpod" => recorded.to_owned(),
        "aws" => format!(
            "{header}\n\
             p5.48xlarge,us-east-1,55.04,192,2048.0,8,H100,80.0,False,,nvidia,,x86,{{}}\n\
             p5.48xlarge,us-east-1,22.4,192,2048.0,8,H100,80.0,True,,nvidia,,x86,{{}}\n\
             g5.xlarge,us-east-1,1.006,4,16.0,1,A10G,22.0,False,,nvidia,,x86,{{}}\n\
             m5.large,us-east-1,0.096,2,8.0,0,,,False,,,,x86,{{}}\n"
        ),
        _ => format!("{header}\n"),
    };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file(format!("{cloud}.csv"), options).unwrap();
    zip.write_all(csv.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}
