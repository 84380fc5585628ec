//! What else there is a target for: recording a large matrix, and deleting what is old while steps go on.

use std::time::Instant;

use anyhow::{Context, ensure};
use dria_bench::{
    definitions::Definitions,
    domain::{
        catalog::Catalog,
        kinds::{EngineKind, ProviderKind},
        matrix::{MAX_CELLS, MatrixDefinition},
        spec::LoadSpec,
    },
    ledger::matrices::{self, NewMatrix},
    queue::ApalisQueue,
    store::retention,
};
use sqlx::PgPool;

/// Who does it, for the ledger.
const ACTOR: &str = "bench";
/// Rows a transaction of the chore deletes at most, as the chore has it.
const BATCH: i64 = 1000;

/// Records a matrix of a thousand cells, which is as many as there may be, and cancels it. Returns the seconds that
/// recording took.
pub(crate) async fn matrix(pool: &PgPool) -> anyhow::Result<f64> {
    let catalog = Catalog::embedded()?;
    let engines = vec![EngineKind::Vllm, EngineKind::Sglang];
    let models: Vec<String> =
        catalog.models().iter().take(50).map(|model| model.common_name.clone()).collect();
    let gpus: Vec<String> = catalog.gpus().iter().take(10).map(|gpu| gpu.id.clone()).collect();
    ensure!(models.len() * engines.len() * gpus.len() == MAX_CELLS, "the catalog is too small");
    let definition = MatrixDefinition {
        workflow: "benchmark".to_owned(),
        provider: ProviderKind::Runpod,
        models,
        engines,
        gpus,
        gpu_count: 1,
        url: None,
        include: Vec::new(),
        exclude: Vec::new(),
        priorities: Vec::new(),
        max_parallel: 1,
        budget_usd: 1.into(),
        same_machine: false,
        max_cells: MAX_CELLS,
    };
    let workflow = Definitions::default().workflow("benchmark")?;
    let load = LoadSpec::default();
    let new = NewMatrix {
        schedule: None,
        tick: None,
        definition: &definition,
        workflow: &workflow,
        load: &load,
        local: None,
    };
    let asked = Instant::now();
    let mut tx = pool.begin().await?;
    let id = matrices::create(&mut tx, &new, ACTOR).await?;
    tx.commit().await?;
    let seconds = asked.elapsed().as_secs_f64();
    let mut tx = pool.begin().await?;
    matrices::request_cancel(&mut tx, &ApalisQueue, id, ACTOR).await.context("cancel the matrix")?;
    tx.commit().await?;
    Ok(seconds)
}

/// Deletes tokens older than `days` as the chore `retention` does, batch after batch; returns how many.
pub(crate) async fn delete_old_tokens(pool: PgPool, days: i32) -> anyhow::Result<u64> {
    let (mut deleted, mut after) = (0, Some(String::new()));
    while let Some(last) = after {
        let mut conn = pool.acquire().await?;
        let (batch, next) = retention::delete_tokens(&mut conn, days, &last, BATCH).await?;
        (deleted, after) = (deleted + batch, next);
    }
    Ok(deleted)
}
