//! What this process counts and times for monitoring. Who may read it, and what only the database knows, is `monitor`'s
//! business.
//!
//! One registry a process: the same figures whoever records them. Labels are from fixed sets (kinds of steps, routes),
//! never ids or what a client sent, so that their number is bounded.

use std::{
    sync::{LazyLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

/// What the text of [`render`] is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of steps' durations, s: from a look to an hour's level.
const STEP_BOUNDS_S: [f64; 12] = [0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

/// Upper bounds of answers' durations, s.
const HTTP_BOUNDS_S: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

type FloatGauge = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Step {
    step: String,
    engine: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lag {
    engine: String,
    quantile: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Depth {
    queue: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProvider {
    provider: String,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug)]
struct Metrics {
    registry: Registry,
    steps: Durations<Step>,
    retries: Family<Step, Counter>,
    lag: Family<Lag, FloatGauge>,
    requests: Durations<Request>,
    depth: Family<Depth, Gauge>,
    oldest: Family<OfQueue, FloatGauge>,
    paused: Family<OfQueue, Gauge>,
    workers: Family<OfQueue, Gauge>,
    pods: Family<OfProvider, Gauge>,
    spent: Family<OfProvider, FloatGauge>,
    spend_rate: Family<OfProvider, FloatGauge>,
    dead: Gauge,
    unsent: Gauge,
    refused: Gauge,
    unsent_oldest: FloatGauge,
    database_up: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("dria_bench"),
            steps: Family::new_with_constructor(|| Histogram::new(STEP_BOUNDS_S)),
            retries: Family::default(),
            lag: Family::default(),
            requests: Family::new_with_constructor(|| Histogram::new(HTTP_BOUNDS_S)),
            depth: Family::default(),
            oldest: Family::default(),
            paused: Family::default(),
            workers: Family::default(),
            pods: Family::default(),
            spent: Family::default(),
            spend_rate: Family::default(),
            dead: Gauge::default(),
            unsent: Gauge::default(),
            refused: Gauge::default(),
            unsent_oldest: FloatGauge::default(),
            database_up: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "build",
            "The version of this process",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "step_duration_seconds",
            "How long this process worked steps, from claim to commit, by kind of step, engine and outcome",
            metrics.steps.clone(),
        );
        registry.register(
            "step_retries",
            "Tries of this process that ended in an error and are to be repeated",
            metrics.retries.clone(),
        );
        registry.register(
            "load_send_lag_seconds",
            "How late the load generator sent, in the last level that this process measured",
            metrics.lag.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Until an answer's head, by route",
            metrics.requests.clone(),
        );
        registry.register(
            "queue_depth",
            "Steps of live runs, by queue and state: queued (could be worked now), scheduled (later), held (paused), running",
            metrics.depth.clone(),
        );
        registry.register(
            "queue_oldest_seconds",
            "How long the step that waits longest could have been worked",
            metrics.oldest.clone(),
        );
        registry.register("queue_paused", "1: an operator paused the queue", metrics.paused.clone());
        registry.register(
            "queue_workers",
            "Workers that gave a sign of life lately",
            metrics.workers.clone(),
        );
        registry.register("live_pods", "Machines in the ledger that are not gone", metrics.pods.clone());
        registry.register(
            "spend_usd",
            "What all rentals have cost until now, US dollars",
            metrics.spent.clone(),
        );
        registry.register(
            "spend_rate_usd_per_hour",
            "What the rentals that go on cost, US dollars an hour",
            metrics.spend_rate.clone(),
        );
        registry.register(
            "dead_letters",
            "Steps that failed for good and were not retried",
            metrics.dead.clone(),
        );
        registry.register(
            "sync_unsent_rows",
            "Rows of the outbox that wait to be published to MongoDB",
            metrics.unsent.clone(),
        );
        registry.register(
            "sync_refused_rows",
            "Rows of the outbox whose last attempt was refused",
            metrics.refused.clone(),
        );
        registry.register(
            "sync_oldest_unsent_seconds",
            "How long the first row of the outbox waits",
            metrics.unsent_oldest.clone(),
        );
        registry.register("database_up", "1: the database answered this scrape", metrics.database_up.clone());
        metrics
    }
}

/// Records a step that this process worked: its kind (`concurrency:8` as `concurrency`), engine, and what became of it.
pub fn step_worked(step: &str, engine: &str, outcome: &str, took: Duration, to_be_repeated: bool) {
    let kind = step.split(':').next().unwrap_or_default();
    let labels = Step { step: kind.to_owned(), engine: engine.to_owned(), outcome: outcome.to_owned() };
    METRICS.steps.get_or_create(&labels).observe(took.as_secs_f64());
    if to_be_repeated {
        METRICS.retries.get_or_create(&labels).inc();
    }
}

/// Records how late the load generator sent in a level, ms; `None`: nothing was sent.
pub fn level_measured(engine: &str, lag_p50_ms: Option<f64>, lag_p99_ms: Option<f64>) {
    for (quantile, lag_ms) in [("0.5", lag_p50_ms), ("0.99", lag_p99_ms)] {
        if let Some(lag_ms) = lag_ms {
            let labels = Lag { engine: engine.to_owned(), quantile };
            METRICS.lag.get_or_create(&labels).set(lag_ms / 1000.0);
        }
    }
}

/// Records an answered request. `route` is the pattern, never the path.
pub fn request_answered(method: &str, route: &str, status: u16, took: Duration) {
    let labels = Request { method: method.to_owned(), route: route.to_owned(), status: status.into() };
    METRICS.requests.get_or_create(&labels).observe(took.as_secs_f64());
}

/// What the database says of a queue.
#[derive(Debug, Clone)]
pub struct QueueFigures {
    /// Its name.
    pub name: String,
    /// Whether it is paused.
    pub paused: bool,
    /// Steps by state.
    pub depth: [(&'static str, i64); 4],
    /// How long the step that waits longest could have been worked, s.
    pub oldest_s: Option<f64>,
    /// Live workers.
    pub workers: i64,
}

/// What the database says of a provider.
#[derive(Debug, Clone)]
pub struct ProviderFigures {
    /// Its name.
    pub name: String,
    /// Machines that aren't gone.
    pub live_pods: i64,
    /// What its rentals cost until now, US dollars.
    pub spent_usd: f64,
    /// What those that go on cost, US dollars an hour.
    pub rate_usd_per_hour: f64,
}

/// What the database says.
#[derive(Debug, Clone)]
pub struct DatabaseFigures {
    /// By queue.
    pub queues: Vec<QueueFigures>,
    /// By provider.
    pub providers: Vec<ProviderFigures>,
    /// Steps that failed for good.
    pub dead_letters: i64,
    /// What waits to be published.
    pub outbox: OutboxFigures,
}

/// How far publishing is behind.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutboxFigures {
    /// Rows that wait.
    pub unsent: i64,
    /// Those whose last attempt failed.
    pub failing: i64,
    /// Since when the first of them waits, s.
    pub oldest_s: f64,
}

/// Takes over what the database says; `None`: it doesn't answer, and what it said before is no longer shown.
pub fn set_database_figures(figures: Option<&DatabaseFigures>) {
    let metrics = &*METRICS;
    metrics.depth.clear();
    metrics.oldest.clear();
    metrics.paused.clear();
    metrics.workers.clear();
    metrics.pods.clear();
    metrics.spent.clear();
    metrics.spend_rate.clear();
    metrics.database_up.set(i64::from(figures.is_some()));
    let Some(figures) = figures else { return };
    for queue in &figures.queues {
        let of = OfQueue { queue: queue.name.clone() };
        for (state, steps) in queue.depth {
            metrics.depth.get_or_create(&Depth { queue: queue.name.clone(), state }).set(steps);
        }
        metrics.oldest.get_or_create(&of).set(queue.oldest_s.unwrap_or_default());
        metrics.paused.get_or_create(&of).set(i64::from(queue.paused));
        metrics.workers.get_or_create(&of).set(queue.workers);
    }
    for provider in &figures.providers {
        let of = OfProvider { provider: provider.name.clone() };
        metrics.pods.get_or_create(&of).set(provider.live_pods);
        metrics.spent.get_or_create(&of).set(provider.spent_usd);
        metrics.spend_rate.get_or_create(&of).set(provider.rate_usd_per_hour);
    }
    metrics.dead.set(figures.dead_letters);
    metrics.unsent.set(figures.outbox.unsent);
    metrics.refused.set(figures.outbox.failing);
    metrics.unsent_oldest.set(figures.outbox.oldest_s);
}

/// Everything that was recorded, in the text format `OpenMetrics`, which Prometheus reads.
#[must_use]
pub fn render() -> String {
    let mut text = String::new();
    // Writing into a string doesn't fail.
    let _ = encode(&mut text, &METRICS.registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_all_widths_are_one_kind_of_step() {
        step_worked("concurrency:3", "unit", "done", Duration::from_secs(2), false);
        step_worked("concurrency:4", "unit", "done", Duration::from_secs(3), false);
        step_worked("warmup", "unit", "retrying", Duration::from_millis(1), true);
        let text = render();
        let labels = r#"step="concurrency",engine="unit",outcome="done""#;
        assert!(text.contains(&format!("dria_bench_step_duration_seconds_count{{{labels}}} 2")), "{text}");
        assert!(
            text.contains(
                r#"dria_bench_step_retries_total{step="warmup",engine="unit",outcome="retrying"} 1"#
            )
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
