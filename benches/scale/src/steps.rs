//! Steps that do nothing, worked by real worker processes, and what the ledger says of when they were.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::bail;
use dria_bench::{
    clock,
    definitions::Definitions,
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec, RunSpec},
        step::StepKind,
        workflow::WorkflowDefinition,
    },
    ledger::operator,
    queue::{ApalisQueue, SHARED_QUEUE},
    store::{runs::NewRun, tokens},
};
use sqlx::PgPool;

/// Steps of a run: this many that do nothing, and its teardown, which has nothing to remove.
const STEPS: usize = 39;
/// Runs whose handovers are measured, one after another.
const ALONE: usize = 5;
/// Runs that two processes get through.
const TOGETHER: usize = 60;
/// Longest that any round may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How worker processes are started.
pub(crate) struct Workers {
    pub(crate) program: PathBuf,
    pub(crate) url: String,
    pub(crate) data_dir: PathBuf,
}

/// A worker process; it ends with this value.
pub(crate) struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Workers {
    /// One with the settings that ship.
    fn start(&self) -> anyhow::Result<Worker> {
        let child = Command::new(&self.program)
            .args(["worker", "--quiet"])
            .env("DATABASE_URL", &self.url)
            .env("DRIA_BENCH_DATA_DIR", &self.data_dir)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Worker(child))
    }

    /// So many, all of them ready to take steps.
    pub(crate) async fn ready(&self, pool: &PgPool, count: i64) -> anyhow::Result<Vec<Worker>> {
        sqlx::query("update apalis.workers set last_seen = 'epoch'").execute(pool).await?;
        let workers = (0..count).map(|_| self.start()).collect::<Result<Vec<_>, _>>()?;
        let asked = Instant::now();
        loop {
            let up: i64 = sqlx::query_scalar(
                "select count(*) from apalis.workers where worker_type = $1 and last_seen > 'epoch'",
            )
            .bind(SHARED_QUEUE)
            .fetch_one(pool)
            .await?;
            if up >= count && tokens::has_live_worker(&mut *pool.acquire().await?, SHARED_QUEUE, 30.0).await?
            {
                return Ok(workers);
            }
            if asked.elapsed() > PATIENCE {
                bail!("{up} of {count} workers came up");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A request of an engine that already runs at `url`.
pub(crate) fn spec(url: &str) -> RunSpec {
    RunSpec {
        workflow: "benchmark".to_owned(),
        engine: EngineSpec {
            kind: EngineKind::Truth,
            precision: None,
            context_tokens: None,
            parallel_slots: None,
            prefix_caching: false,
            extra_args: Vec::new(),
        },
        model: ModelSpec {
            id: "truth".to_owned(),
            common_name: "truth".to_owned(),
            parameter_size: "unknown".to_owned(),
            path: None,
        },
        machine: MachineSpec {
            provider: ProviderKind::Endpoint,
            gpu_id: "none".to_owned(),
            gpu_candidates: Vec::new(),
            gpu_count: 0,
            data_center: None,
            volume_in_gb: 0,
            container_disk_in_gb: 0,
            port: None,
            url: Some(url.to_owned()),
        },
        load: LoadSpec {
            rates: vec![1, 2],
            seconds: 0.3,
            prompt_tokens: 4,
            output_tokens: 4,
            seed: 42,
            max_in_flight: 4,
            until: None,
        },
    }
}

/// The shipped workflow of this name.
pub(crate) fn workflow(name: &str) -> anyhow::Result<WorkflowDefinition> {
    Ok(Definitions::new(Vec::new()).workflow(name)?)
}

/// Steps without work, then the teardown.
fn nothing_to_do() -> anyhow::Result<WorkflowDefinition> {
    let shipped = workflow("benchmark")?;
    let of = |kind: StepKind| shipped.steps.iter().filter(move |step| step.kind == kind).cloned();
    let steps = of(StepKind::PullModel).cycle().take(STEPS).chain(of(StepKind::Teardown)).collect();
    Ok(WorkflowDefinition { name: "nothing".to_owned(), steps, ..shipped })
}

/// Records a run and wakes its first step.
pub(crate) async fn start(
    pool: &PgPool,
    spec: &RunSpec,
    workflow: &WorkflowDefinition,
) -> anyhow::Result<RunId> {
    let id = RunId::generate(clock::now());
    let new = NewRun { id, spec, definition: workflow, queue: SHARED_QUEUE, priority: 5, rerun_of: None };
    operator::start(pool, &ApalisQueue, &new, "bench").await?;
    Ok(id)
}

/// Waits until no run is left to work, and all of these succeeded.
pub(crate) async fn all_over(pool: &PgPool, runs: &[RunId]) -> anyhow::Result<()> {
    let asked = Instant::now();
    while tokens::live_runs(&mut *pool.acquire().await?, SHARED_QUEUE).await? > 0 {
        if asked.elapsed() > PATIENCE {
            bail!("runs are still not over");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ids: Vec<_> = runs.iter().map(|run| run.as_uuid()).collect();
    let failed: i64 =
        sqlx::query_scalar("select count(*) from workflow_runs where id = any($1) and status <> 'succeeded'")
            .bind(ids)
            .fetch_one(pool)
            .await?;
    if failed > 0 {
        bail!("{failed} runs did not succeed");
    }
    Ok(())
}

/// Milliseconds from the last line of each commit to the next step's claim, ascending, by the database's clock: the end
/// of the commit and its flush to disk, the wake-up, the fetch and the claim are all in it.
pub(crate) async fn handovers(pool: &PgPool, workers: &Workers) -> anyhow::Result<Vec<f64>> {
    let _worker = workers.ready(pool, 1).await?;
    let (spec, workflow) = (spec("http://127.0.0.1:1"), nothing_to_do()?);
    let mut runs = Vec::new();
    for _ in 0..ALONE {
        let run = start(pool, &spec, &workflow).await?;
        all_over(pool, &[run]).await?;
        runs.push(run.as_uuid());
    }
    let gaps: Vec<f64> = sqlx::query_scalar(
        "select (extract(epoch from ts - before) * 1000)::float8 from (
             select kind, ts, lag(ts) over w as before, lag(kind) over w as kind_before
             from run_events where run_id = any($1) and kind in ('step_started', 'step_done')
             window w as (partition by run_id order by id)) moves
         where kind = 'step_started' and kind_before = 'step_done' order by 1",
    )
    .bind(&runs)
    .fetch_all(pool)
    .await?;
    if gaps.len() != ALONE * STEPS {
        bail!("{} handovers were recorded, not {}", gaps.len(), ALONE * STEPS);
    }
    Ok(gaps)
}

/// How many steps two processes got through, and how many a second, from the first claim to the last commit.
pub(crate) async fn throughput(pool: &PgPool, workers: &Workers) -> anyhow::Result<(usize, f64)> {
    let (spec, workflow) = (spec("http://127.0.0.1:1"), nothing_to_do()?);
    let mut runs = Vec::new();
    for _ in 0..TOGETHER {
        runs.push(start(pool, &spec, &workflow).await?);
    }
    let _workers = workers.ready(pool, 2).await?;
    all_over(pool, &runs).await?;
    let ids: Vec<_> = runs.iter().map(|run| run.as_uuid()).collect();
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from max(ts) filter (where kind = 'step_done')
                                   - min(ts) filter (where kind = 'step_started'))::float8
         from run_events where run_id = any($1)",
    )
    .bind(ids)
    .fetch_one(pool)
    .await?;
    let steps = TOGETHER * (STEPS + 1);
    Ok((steps, steps as f64 / seconds))
}
