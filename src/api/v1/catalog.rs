//! `/api/v1/gpus` and `/api/v1/models`: what is known by name.

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        app::App,
        error::Error,
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::catalog::{Catalog, Gpu, Model},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_gpus)).routes(routes!(list_models))
}

/// GPUs.
#[derive(Serialize, ToSchema)]
struct GpuList {
    /// In the catalog's order, other spellings included.
    gpus: Vec<Gpu>,
}

/// Models.
#[derive(Serialize, ToSchema)]
struct ModelList {
    /// In the catalog's order.
    models: Vec<Model>,
}

/// GPUs by their RunPod id: memory, bandwidth, speed
#[utoipa::path(
    get, path = "/gpus", tag = "catalog",
    params(("search" = Option<String>, Query, description = "Text in the id, the name or the architecture, in any case")),
    responses(
        (status = 200, body = GpuList),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list_gpus(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let search = search(&uri)?;
    let read = public.read(&app, &[], format!("gpus {search:?}")).await?;
    let make = async {
        let catalog = catalog()?;
        let gpus = catalog.gpus().iter().filter(|gpu| {
            contains(&search, [Some(&gpu.id), Some(&gpu.display_name), Some(&gpu.architecture)])
        });
        Ok(GpuList { gpus: gpus.cloned().collect() })
    };
    read.json(&app, make).await
}

/// Models, with the id each engine knows them by
#[utoipa::path(
    get, path = "/models", tag = "catalog",
    params(("search" = Option<String>, Query, description = "Text in a name, the family or an id, in any case")),
    responses(
        (status = 200, body = ModelList),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list_models(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let search = search(&uri)?;
    let read = public.read(&app, &[], format!("models {search:?}")).await?;
    let make = async {
        let catalog = catalog()?;
        let models = catalog.models().iter().filter(|model| {
            let names = [&model.common_name, &model.family, &model.hf_id, &model.ollama_tag];
            contains(&search, names.into_iter().map(Some).chain([model.gguf_alias.as_ref()]))
        });
        Ok(ModelList { models: models.cloned().collect() })
    };
    read.json(&app, make).await
}

/// The text that is looked for, in lower case.
fn search(uri: &Uri) -> Result<String, Error> {
    let mut parameters = Parameters::of(uri);
    let search: Option<String> = parameters.take("search");
    parameters.finish()?;
    Ok(search.unwrap_or_default().to_lowercase())
}

fn catalog() -> Result<Catalog, Error> {
    Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))
}

fn contains<'a>(search: &str, names: impl IntoIterator<Item = Option<&'a String>>) -> bool {
    names.into_iter().flatten().any(|name| name.to_lowercase().contains(search))
}
