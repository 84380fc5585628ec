//! `run --plan`: what would be rented, how long each step may take and what it may cost. Nothing is rented or recorded.

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    cli::{
        CliError, Output,
        table::{or_dash, table},
    },
    domain::{
        catalog::Catalog,
        kinds::{EngineKind, ProviderKind},
        measure::cost::machine_cost_usd,
        price::PriceKind,
        recommend::{Picked, Sizing},
        sizing::{Disk, place},
        spec::{MachineSpec, RunSpec},
        step::StepKind,
        workflow::WorkflowDefinition,
    },
    report::number,
    store::{
        history::{self, Alike, StepSeconds},
        price_offers::RUNPOD,
        price_reads::{self, Filter, Latest},
    },
};

/// The whole plan.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    engine: EngineKind,
    model: String,
    workflow: String,
    provider: ProviderKind,
    gpu_count: u32,
    /// GPUs in the order in which they are tried.
    gpus: Vec<PlannedGpu>,
    memory: Memory,
    disk: PlannedDisk,
    steps: Vec<PlannedStep>,
    total: Expected,
}

/// A GPU that would be rented, or is there.
#[derive(Debug, Serialize)]
struct PlannedGpu {
    gpu: String,
    /// All of the machine's, an hour; null: nothing is rented, or no price is known.
    usd_per_hour: Option<Decimal>,
    /// Seconds since that price was last seen.
    price_age_s: Option<f64>,
    /// That age, in words.
    price_seen: Option<String>,
    /// Why it was picked; null: it was asked for.
    reason: Option<String>,
}

/// Memory of each of the first choice's GPUs.
#[derive(Debug, Default, Serialize)]
struct Memory {
    needed_gib: Option<f64>,
    available_gib: Option<f64>,
    /// Why those aren't known, or why it doesn't fit.
    remark: Option<String>,
}

/// Disk of the machine, GB.
#[derive(Debug, Serialize)]
struct PlannedDisk {
    container_gb: u32,
    volume_gb: u32,
    /// What image and weights take.
    needed_gb: Option<u32>,
}

/// A step.
#[derive(Debug, Serialize)]
struct PlannedStep {
    step: String,
    basis: Basis,
    /// Runs behind it.
    runs: i64,
    #[serde(flatten)]
    expected: Expected,
}

/// Where a duration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Basis {
    /// Our own runs of the same engine, model and GPU.
    History,
    /// What the load asks for at least.
    LowerBound,
    /// Nothing.
    Unknown,
}

/// Time and cost; null: not known.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Expected {
    least_s: f64,
    median_s: Option<f64>,
    most_s: Option<f64>,
    least_usd: Option<Decimal>,
    most_usd: Option<Decimal>,
}

/// Plans this request.
///
/// # Errors
/// When the database fails.
pub(super) async fn plan(
    conn: &mut PgConnection,
    spec: &RunSpec,
    workflow: &WorkflowDefinition,
    picked: Option<&Picked>,
) -> Result<Plan, CliError> {
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    let machine = &spec.machine;
    let prices = match machine.provider {
        ProviderKind::Runpod => rented(conn, machine).await?,
        ProviderKind::Local | ProviderKind::Endpoint => Vec::new(),
    };
    let gpus: Vec<PlannedGpu> = std::iter::once(&machine.gpu_id)
        .chain(&machine.gpu_candidates)
        .map(|gpu| planned_gpu(gpu, machine.gpu_count, &prices, picked))
        .collect();
    let (memory, disk) = room(spec, &catalog);
    let alike = Alike {
        engine: spec.engine.kind,
        model: &spec.model.id,
        gpu_id: &machine.gpu_id,
        gpu_count: machine.gpu_count,
        level_s: spec.load.seconds,
    };
    let past = history::step_seconds(conn, alike).await?;
    let price = gpus.first().and_then(|gpu| gpu.usd_per_hour);
    let steps: Vec<PlannedStep> =
        workflow.steps.iter().map(|step| planned_step(step.kind, spec.load.seconds, &past, price)).collect();
    Ok(Plan {
        engine: spec.engine.kind,
        model: spec.model.common_name.clone(),
        workflow: workflow.name.clone(),
        provider: machine.provider,
        gpu_count: machine.gpu_count,
        gpus,
        memory,
        disk: PlannedDisk {
            container_gb: machine.container_disk_in_gb,
            volume_gb: machine.volume_in_gb,
            needed_gb: disk.map(|disk| disk.container_without_volume_gb),
        },
        total: total(&steps),
        steps,
    })
}

/// What RunPod asks today for as many GPUs in its own data centers, cheapest first.
async fn rented(conn: &mut PgConnection, machine: &MachineSpec) -> Result<Vec<Latest>, CliError> {
    let gpus: Vec<String> =
        std::iter::once(&machine.gpu_id).chain(&machine.gpu_candidates).cloned().collect();
    let filter = Filter {
        gpu_keys: Some(&gpus),
        platform: RUNPOD.platform,
        kind: Some(PriceKind::OnDemand),
        ..Filter::default()
    };
    let mut prices = price_reads::latest(conn, &filter).await?;
    let count = i32::try_from(machine.gpu_count.max(1)).unwrap_or(i32::MAX);
    prices.retain(|price| {
        Some(price.tier.as_str()) == RUNPOD.tier
            && price.freshness.counts()
            && (price.gpu_count == 0 || price.gpu_count == count)
    });
    Ok(prices)
}

fn planned_gpu(gpu: &str, count: u32, prices: &[Latest], picked: Option<&Picked>) -> PlannedGpu {
    // Sorted by price: the first is the cheapest.
    let price = prices.iter().find(|price| price.gpu_key == gpu);
    let choice = picked.and_then(|picked| picked.choices.iter().find(|choice| choice.gpu == gpu));
    PlannedGpu {
        gpu: gpu.to_owned(),
        usd_per_hour: price.map(|price| price.usd_per_gpu_hour * Decimal::from(count.max(1))),
        price_age_s: price.map(|price| price.age_s),
        price_seen: price.map(|price| price.reason.clone()),
        reason: choice.map(|choice| choice.reason.clone()),
    }
}

/// Memory of the first choice, and disk.
fn room(spec: &RunSpec, catalog: &Catalog) -> (Memory, Option<Disk>) {
    let unknown = |why: String| Memory { remark: Some(why), ..Memory::default() };
    let sizing = match Sizing::of(spec, catalog) {
        Ok(sizing) => sizing,
        Err(why) => return (unknown(why), None),
    };
    let disk = Some(Disk::of(&sizing.shape, sizing.options.precision));
    let gpu = match catalog.gpu(&spec.machine.gpu_id) {
        Ok(gpu) if spec.machine.gpu_count > 0 => gpu,
        Ok(_) => return (unknown("no GPU is used".to_owned()), disk),
        Err(_) => return (unknown(format!("the memory of {} isn't known", spec.machine.gpu_id)), disk),
    };
    let memory = match place(&sizing.shape, gpu, &sizing.options, spec.machine.gpu_count) {
        Ok(fit) => Memory {
            needed_gib: Some(fit.need.total_gib()),
            available_gib: Some(fit.available_gib),
            remark: None,
        },
        Err(why) => unknown(format!("it doesn't fit: {why}")),
    };
    (memory, disk)
}

fn planned_step(kind: StepKind, level_s: f64, past: &[StepSeconds], price: Option<Decimal>) -> PlannedStep {
    let step = kind.to_string();
    let measures = matches!(kind, StepKind::Throughput | StepKind::Concurrency(_));
    let (basis, runs, mut expected) = match past.iter().find(|past| past.name == step) {
        Some(past) => {
            let (median_s, most_s) = (Some(past.median_s), Some(past.most_s));
            (
                Basis::History,
                past.runs,
                Expected { least_s: past.least_s, median_s, most_s, ..Expected::default() },
            )
        }
        None if measures => (Basis::LowerBound, 0, Expected { least_s: level_s, ..Expected::default() }),
        None => (Basis::Unknown, 0, Expected::default()),
    };
    // The machine is paid for from some moment within provision.
    let paid_s = if kind == StepKind::Provision { 0.0 } else { expected.least_s };
    expected.least_usd = price.and_then(|price| machine_cost_usd(price, paid_s));
    expected.most_usd = price.zip(expected.most_s).and_then(|(price, most)| machine_cost_usd(price, most));
    PlannedStep { step, basis, runs, expected }
}

/// All steps together. The upper ends are known only where each step's is.
fn total(steps: &[PlannedStep]) -> Expected {
    let all: Vec<Expected> = steps.iter().map(|step| step.expected).collect();
    Expected {
        least_s: all.iter().map(|one| one.least_s).sum(),
        median_s: all.iter().map(|one| one.median_s).sum(),
        most_s: all.iter().map(|one| one.most_s).sum(),
        least_usd: all.iter().map(|one| one.least_usd).sum(),
        most_usd: all.iter().map(|one| one.most_usd).sum(),
    }
}

/// Prints a plan.
pub(super) fn show(plan: &Plan, output: Output) {
    if output.json {
        output.json(plan);
        return;
    }
    output.note(format!(
        "{} under {}, workflow {}: nothing is started",
        plan.model, plan.engine, plan.workflow
    ));
    let rows = plan.gpus.iter().map(|gpu| {
        [
            format!("{} × {}", plan.gpu_count, gpu.gpu),
            or_dash(gpu.usd_per_hour.map(|usd| usd.normalize())),
            or_dash(gpu.price_seen.clone()),
            or_dash(gpu.reason.clone()),
        ]
    });
    output.data(table(["GPUS", "$/H", "PRICE", "REASON"], rows));
    let rows = plan.steps.iter().map(|step| {
        let basis = match step.basis {
            Basis::History => format!("{} runs", step.runs),
            Basis::LowerBound => "at least".to_owned(),
            Basis::Unknown => "unknown".to_owned(),
        };
        [step.step.clone(), seconds(step), dollars(&step.expected), basis]
    });
    output.data(format!("\n{}", table(["STEP", "SECONDS", "$", "BY"], rows)));
    for line in remarks(plan) {
        output.note(line);
    }
}

fn seconds(step: &PlannedStep) -> String {
    match (step.basis, step.expected.most_s) {
        (Basis::Unknown, _) => "-".to_owned(),
        (_, Some(most)) => format!("{}-{}", number(step.expected.least_s), number(most)),
        (_, None) => format!("{}-?", number(step.expected.least_s)),
    }
}

fn dollars(expected: &Expected) -> String {
    let usd = |amount: Decimal| format!("{amount:.4}");
    match (expected.least_usd, expected.most_usd) {
        (Some(least), Some(most)) => format!("{}-{}", usd(least), usd(most)),
        (Some(least), None) => format!("{}-?", usd(least)),
        (None, _) => "-".to_owned(),
    }
}

fn remarks(plan: &Plan) -> Vec<String> {
    let memory = match (plan.memory.needed_gib, plan.memory.available_gib) {
        (Some(needed), Some(available)) => {
            format!("memory: {needed:.1} GiB needed of {available:.1} GiB available on each GPU")
        }
        _ => format!("memory: {}", plan.memory.remark.as_deref().unwrap_or("not known")),
    };
    let needed =
        plan.disk.needed_gb.map_or_else(String::new, |gb| format!("; image and weights take {gb} GB"));
    let total = &plan.total;
    let cost = match (plan.provider, total.least_usd, total.most_usd) {
        (ProviderKind::Local | ProviderKind::Endpoint, ..) => "nothing is rented".to_owned(),
        (_, Some(least), Some(most)) => format!("{least:.4} to {most:.4} USD"),
        (_, Some(least), None) => format!("at least {least:.4} USD, and set-up, which isn't known"),
        (_, None, _) => "no price is known: dria-bench prices scrape --source runpod".to_owned(),
    };
    let most = total.most_s.map_or_else(String::new, |most| format!(", at most {}", number(most)));
    vec![
        memory,
        format!("disk: container {} GB, volume {} GB{needed}", plan.disk.container_gb, plan.disk.volume_gb),
        format!("all steps: at least {} s{most}; {cost}", number(total.least_s)),
    ]
}
