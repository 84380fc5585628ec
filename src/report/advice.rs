//! What of a model's needs and choices commands print and the API serves: every GPU's verdict, and which to take.

use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    domain::{
        catalog::{Catalog, Gpu},
        kinds::EngineKind,
        recommend::{Advice, Priced, Question, recommend},
        sizing::{Asked, Disk, Options, Shape, Verdict, fit},
    },
    store::{
        Error, measured,
        price_offers::{self, Seller},
    },
};

/// Which GPUs a model fits on.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fits {
    /// The model.
    pub model: Shape,
    /// What it must have room for.
    pub options: Options,
    /// Disk to rent with any of them.
    pub disk: Disk,
    /// Each GPU's verdict, with every rejection.
    pub gpus: Vec<Verdict>,
}

impl Fits {
    /// Of these GPUs.
    #[must_use]
    pub fn of(model: Shape, options: Options, gpus: &[&Gpu]) -> Self {
        let gpus = gpus.iter().map(|gpu| fit(&model, gpu, &options)).collect();
        Self { disk: Disk::of(&model, options.precision), model, options, gpus }
    }
}

/// The GPUs of this name, or all of the catalog, each once.
///
/// # Errors
/// When the catalog has none of this name; the nearest are offered.
pub fn gpus<'a>(
    catalog: &'a Catalog,
    name: Option<&str>,
) -> Result<Vec<&'a Gpu>, crate::domain::catalog::UnknownName> {
    match name {
        Some(name) => Ok(vec![catalog.gpu(name)?]),
        None => Ok(catalog.gpus().iter().filter(|gpu| gpu.alias_of.is_none()).collect()),
    }
}

/// Which GPUs to take for a model.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Recommendation {
    /// The model.
    pub model: Shape,
    /// The engine that serves it.
    pub engine: EngineKind,
    /// The choices.
    #[serde(flatten)]
    pub advice: Advice,
}

/// Answers a question about this model by what was measured of it on the engine, at these prices; `None`: today's
/// on-demand ones of every platform.
///
/// # Errors
/// When the database fails.
pub async fn recommendation(
    conn: &mut PgConnection,
    catalog: &Catalog,
    asked: &Asked,
    engine: EngineKind,
    question: &Question<'_>,
    prices: Option<Vec<Priced>>,
) -> Result<Recommendation, Error> {
    let prices = match prices {
        Some(given) => given,
        None => price_offers::on_demand(conn, Seller::default()).await?,
    };
    let history = measured::points(conn, catalog, engine, &asked.ids).await?;
    let advice = recommend(question, catalog.gpus(), &prices, &history);
    Ok(Recommendation { model: asked.shape.clone(), engine, advice })
}
