//! A run with its numbers, in the one shape that commands print and the API serves, and the words and figures that
//! both show it with.
//!
//! It reads the store and knows what steps leave behind (`domain::outputs`). It must not know terminals, HTML or HTTP,
//! and nothing of how a run is worked.

pub mod advice;
pub mod beside;
mod columns;
pub mod comparison;
pub mod costs;
mod efficiency;
pub mod everywhere;
pub mod export;
pub mod guidellm;
mod instrument;
pub mod matrix;
mod notes;
mod parquet_columns;
pub mod prices;
pub mod recompute;
pub mod records;
#[cfg(test)]
pub(crate) mod samples;
pub mod schedules;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

pub use columns::{COLUMNS, Column, Value, View, csv};
pub use efficiency::efficiency;
pub use instrument::{INSTRUMENT_COLUMNS, instrument_row};
pub use notes::notes;
pub use words::{figure, in_order, name, number};

use crate::{
    domain::{
        catalog::Catalog,
        failure::Failure,
        ids::RunId,
        launch::{LocalCommand, LocalInstall},
        measure::{
            batches::Precision,
            comparable::Comparability,
            cost,
            gaps::GapHistogram,
            ledger::{self, CostParts, WorkedSpan},
            observed::Observed,
            setup::SetupTimes,
            summary::{BenchmarkType, Columns, Instrument, LevelSummary, Measured},
            until::UntilReport,
        },
        outputs::{Outputs, setup_times},
        roofline::Efficiency,
        run::RunStatus,
        seen::{Calibration, HostFacts, ServedModel},
        spec::RunSpec,
        step::StepKind,
    },
    store::{
        Error, attempts,
        rentals::{self, Rental},
        results,
        runs::{self, Run},
        steps,
    },
};

/// `{run, status, setup, results, cost}` and what is needed to judge and repeat it.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// The run's id.
    pub run: RunId,
    /// Where it is.
    pub status: RunStatus,
    /// The identifier it is published under.
    pub pod_id: Option<String>,
    /// Engine, model and machine, in the words of the run's request.
    pub spec: RunSpec,
    /// The engine as it ran: version, model as served, command, host.
    pub system: System,
    /// Set-up times.
    pub setup: SetupTimes,
    /// The results: concurrent by ascending rate, then throughput.
    pub results: Vec<ResultReport>,
    /// What it cost; null where nothing is billed.
    pub cost: Option<CostReport>,
    /// Why it ended as it did.
    pub error: Option<Failure>,
}

/// Engine and host as they were; null before the step that finds it out is done.
#[derive(Debug, Serialize)]
pub struct System {
    /// The host.
    pub host: Option<HostFacts>,
    /// The run that was measured on this very machine right before; absent: it was rented for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_of: Option<RunId>,
    /// The engine as installed (local only).
    pub install: Option<LocalInstall>,
    /// The version that the running engine told.
    pub engine_version: Option<String>,
    /// The model as the engine serves it.
    pub served_model: Option<ServedModel>,
    /// The command it was started with (local only).
    pub command: Option<LocalCommand>,
    /// The prompts it was sent.
    pub prompts: Option<Prompts>,
}

/// What makes the same prompts again, beside the seed.
#[derive(Debug, Serialize)]
pub struct Prompts {
    /// How prompts got their length.
    pub calibration: Calibration,
    /// SHA-256 of the set's definition, hex.
    pub sha256: String,
}

/// One result.
#[derive(Debug, Serialize)]
pub struct ResultReport {
    /// `concurrent` or `throughput`.
    pub benchmark_type: BenchmarkType,
    /// Streams; null for throughput.
    pub rate: Option<u32>,
    /// Our view.
    pub measured: Measured,
    /// The view existing readers expect.
    pub compat: Columns,
    /// The instrument on itself.
    pub instrument: Instrument,
    /// Failed requests by code.
    pub errors: BTreeMap<String, u64>,
    /// Every gap between two events, counted by length.
    pub itl_histogram: Option<GapHistogram>,
    /// How sure throughput and time to first token are.
    pub precision: Precision,
    /// Whether a figure was measured as well as asked; absent: nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<UntilReport>,
    /// What was seen beside the records: the engine's own counts, its slots, its GPUs, samples of failures.
    #[serde(flatten)]
    pub observed: Observed,
    /// What another result must agree on to compare fairly.
    pub comparability: Option<Comparability>,
    /// How much of its GPUs' bandwidth and arithmetic it used; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<Efficiency>,
}

/// What a run cost, USD.
#[derive(Debug, Serialize)]
pub struct CostReport {
    /// The machine, an hour.
    pub usd_per_hour: Decimal,
    /// All machines of the run, from creation until each was gone, or now.
    pub benchmark_usd: Option<Decimal>,
    /// The same by what the run did meanwhile; null where no machine is recorded as rented.
    pub parts: Option<CostParts>,
    /// A million output tokens at the throughput benchmark's rate.
    pub usd_per_million_output_tokens: Option<Decimal>,
}

impl RunReport {
    /// Reads a run's report; `None`: there is no such run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(conn: &mut PgConnection, id: RunId) -> Result<Option<Self>, Error> {
        match runs::get(conn, id).await? {
            Some(run) => Self::of(conn, run).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the report of a run whose row is at hand.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(conn: &mut PgConnection, run: Run) -> Result<Self, Error> {
        let stored = results::list(conn, run.id).await?;
        let outputs = steps::outputs(conn, run.id).await?;
        let outputs = Outputs::new(&outputs);
        let setup = setup_times(outputs, setup_total_s(conn, run.id).await?);
        let catalog = Catalog::embedded().ok();
        let throughput = stored
            .iter()
            .map(|result| &result.summary.measured.columns)
            .find(|columns| columns.benchmark_type == BenchmarkType::Throughput)
            .and_then(|columns| columns.output_tokens_per_second);
        let cost = cost(conn, &run, outputs, throughput).await?;
        Ok(Self {
            run: run.id,
            status: run.status,
            pod_id: run.public_id,
            spec: run.spec,
            system: System::from(outputs),
            setup,
            results: stored.into_iter().map(|result| ResultReport::of(result, catalog.as_ref())).collect(),
            cost,
            error: run.error,
        })
    }

    /// The GPU it got, which may be another than it asked for first, and how many; before it was measured, what it asks
    /// for.
    #[must_use]
    pub fn gpus(&self) -> (&str, u32) {
        let machine = &self.spec.machine;
        let got = self.results.iter().find_map(|result| result.comparability.as_ref());
        got.map_or((&machine.gpu_id, machine.gpu_count), |setup| (&setup.gpu_id, setup.gpu_count))
    }

    /// The numbers alone.
    #[must_use]
    pub fn summaries(&self) -> Vec<LevelSummary> {
        self.results
            .iter()
            .map(|result| LevelSummary {
                measured: result.measured.clone(),
                compat: result.compat.clone(),
                instrument: result.instrument.clone(),
                errors: result.errors.clone(),
                itl_histogram: result.itl_histogram.clone(),
                precision: result.precision,
                until: result.until,
                observed: result.observed.clone(),
            })
            .collect()
    }
}

impl ResultReport {
    fn of(stored: results::StoredResult, catalog: Option<&Catalog>) -> Self {
        let setup = stored.comparability.as_ref();
        let efficiency = catalog.map(|catalog| efficiency(catalog, &stored.summary, setup));
        Self { efficiency, ..Self::from_summary(stored.summary, stored.comparability) }
    }

    /// A level's numbers and set-up.
    #[must_use]
    pub fn from_summary(summary: LevelSummary, comparability: Option<Comparability>) -> Self {
        Self {
            benchmark_type: summary.compat.benchmark_type,
            rate: summary.compat.rate,
            measured: summary.measured,
            compat: summary.compat,
            instrument: summary.instrument,
            errors: summary.errors,
            itl_histogram: summary.itl_histogram,
            precision: summary.precision,
            until: summary.until,
            observed: summary.observed,
            comparability,
            efficiency: None,
        }
    }
}

impl From<Outputs<'_>> for System {
    fn from(outputs: Outputs<'_>) -> Self {
        let (provision, start) = (outputs.provision(), outputs.start_engine());
        let machine_of = provision.as_ref().and_then(|provision| provision.machine_of);
        let (host, install) = provision.map(|provision| (provision.host, provision.install)).unzip();
        Self {
            host,
            machine_of,
            install: install.flatten(),
            engine_version: start.as_ref().and_then(|start| start.version.clone()),
            served_model: start.as_ref().map(|start| start.served.clone()),
            command: start.and_then(|start| start.command),
            prompts: outputs
                .warmup()
                .map(|warmup| Prompts { calibration: warmup.calibration, sha256: warmup.prompt_set_sha256 }),
        }
    }
}

/// Seconds from the start of the first set-up step to the end of warm-up, of the present generation.
async fn setup_total_s(conn: &mut PgConnection, id: RunId) -> Result<Option<f64>, Error> {
    let steps = steps::list(conn, id).await?;
    let find = |kind: StepKind| steps.iter().find(|step| step.name == kind.to_string());
    let first = find(StepKind::Provision).and_then(|step| step.started_at);
    let last = find(StepKind::Warmup).and_then(|step| step.finished_at);
    Ok(first
        .zip(last)
        .and_then(|(first, last)| (last - first).to_std().ok())
        .map(|total| total.as_secs_f64()))
}

/// What a run cost. A run whose machines were not recorded as rented (an earlier version's) cost its life times the price.
async fn cost(
    conn: &mut PgConnection,
    run: &Run,
    outputs: Outputs<'_>,
    throughput: Option<f64>,
) -> Result<Option<CostReport>, Error> {
    let rentals = rentals::of_run(conn, run.id).await?;
    let parts = match rentals.iter().map(|rental| rental.until).max() {
        Some(now) => Some(split(conn, run.id, &rentals, now).await?),
        None => None,
    };
    let told = outputs.provision().and_then(|provision| provision.price_usd_per_hour);
    let price = told.or_else(|| rentals.last().map(|rental| rental.price_usd_per_hour));
    Ok(price.map(|price| CostReport {
        usd_per_hour: price,
        benchmark_usd: parts
            .as_ref()
            .map(|parts| parts.total_usd)
            .or_else(|| life_s(run).and_then(|life_s| cost::machine_cost_usd(price, life_s))),
        parts,
        usd_per_million_output_tokens: throughput
            .and_then(|tokens| cost::usd_per_million_output_tokens(price, tokens)),
    }))
}

/// What was rented, by the steps that were at work; `now` ends those that go on.
async fn split(
    conn: &mut PgConnection,
    id: RunId,
    rentals: &[Rental],
    now: DateTime<Utc>,
) -> Result<CostParts, Error> {
    let rented: Vec<_> = rentals.iter().map(Rental::span).collect();
    // A step that this version doesn't know is idle time to it.
    let worked: Vec<_> = attempts::list(conn, id)
        .await?
        .into_iter()
        .filter_map(|tried| {
            let end = tried.finished_at.unwrap_or(now);
            Some(WorkedSpan { start: tried.started_at, end, step: tried.name.parse().ok()? })
        })
        .collect();
    Ok(ledger::split(&rented, &worked))
}

fn life_s(run: &Run) -> Option<f64> {
    let (start, end) = run.started_at.zip(run.finished_at)?;
    (end - start).to_std().ok().map(|life| life.as_secs_f64())
}
