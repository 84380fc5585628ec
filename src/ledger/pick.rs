//! The GPU `auto` of a run that is about to be recorded: picked by what RunPod asks today and by what was measured before,
//! with the reasons as an event of the run.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::By;
use crate::{
    domain::{
        catalog::{Catalog, CatalogError},
        ids::RunId,
        recommend::{Picked, Sizing, choose, recommend},
        spec::RunSpec,
    },
    store::{self, events, measured, price_offers},
};

/// Why no GPU is picked.
#[derive(Debug, thiserror::Error)]
pub enum Unpicked {
    /// What the model needs can't be said.
    #[error("to pick a GPU it must be known what the model needs: {0}")]
    Unsized(String),
    /// Nobody knows what RunPod asks.
    #[error("no price of RunPod's is known that is young enough: dria-bench prices scrape --source runpod")]
    NoPrice,
    /// Every GPU has a reason against it; a line each.
    #[error("no GPU of RunPod's is left to rent\n{0}")]
    NoneLeft(String),
    /// The catalog that is part of the program is broken.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Picks the GPUs of this request, whose output tokens are the cheapest, and puts them into it, in the order in which they
/// are tried. A number of GPUs of 0 in it leaves that open; `max_usd_per_hour` is of the whole machine.
///
/// # Errors
/// When the model can't be sized, no price is known, no GPU is left, or the database fails.
pub async fn pick(
    conn: &mut PgConnection,
    spec: &mut RunSpec,
    max_usd_per_hour: Option<Decimal>,
) -> Result<Picked, Unpicked> {
    pick_for_all(conn, [spec], max_usd_per_hour).await
}

/// The same for requests of one model that are to be compared, and so run on the same GPUs: picked for the one that needs
/// the most memory, of equals for the first.
pub(super) async fn pick_for_all<'a>(
    conn: &mut PgConnection,
    specs: impl IntoIterator<Item = &'a mut RunSpec>,
    max_usd_per_hour: Option<Decimal>,
) -> Result<Picked, Unpicked> {
    let catalog = Catalog::embedded()?;
    let specs: Vec<&mut RunSpec> = specs.into_iter().collect();
    let mut largest: Option<(&RunSpec, Sizing)> = None;
    for spec in &specs {
        let sizing = Sizing::of(spec, &catalog).map_err(Unpicked::Unsized)?;
        if largest.as_ref().is_none_or(|(_, before)| sizing.weights_bytes() > before.weights_bytes()) {
            largest = Some((spec, sizing));
        }
    }
    let Some((spec, sizing)) = largest else {
        return Err(Unpicked::Unsized("nothing is to be run".to_owned()));
    };
    let prices = price_offers::on_demand(conn, price_offers::RUNPOD).await?;
    if prices.is_empty() {
        return Err(Unpicked::NoPrice);
    }
    let history = measured::points(conn, &catalog, spec.engine.kind, &sizing.model_ids).await?;
    let advice = recommend(&sizing.question(spec), catalog.gpus(), &prices, &history);
    let picked =
        choose(&catalog, advice, spec.machine.gpu_count, max_usd_per_hour).map_err(Unpicked::NoneLeft)?;
    for spec in specs {
        picked.fill_in(spec);
    }
    Ok(picked)
}

/// Notes with a run why its GPUs were picked, in the transaction that records it.
///
/// # Errors
/// When the database fails.
pub(super) async fn note(
    conn: &mut PgConnection,
    run: RunId,
    picked: &Picked,
    by: By<'_>,
) -> Result<(), store::Error> {
    events::append(conn, run, "gpu_picked", None, by.actor, json!(picked)).await
}
