//! `/api/v1/fits`: which GPUs a model fits on, and why not on the others.

use axum::{extract::State, http::Uri, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::asked::{AskedModel, refuse};
use crate::{
    api::{
        app::App,
        error::Error,
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::kinds::EngineKind,
    report::advice::{Fits, gpus},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_fits))
}

/// Every GPU's verdict on a model: how many it takes, or why none will do
#[utoipa::path(
    get, path = "/fits", tag = "catalog",
    params(
        ("model" = Option<String>, Query, description = "Any name of the catalog; needed where nothing describes the model"),
        ("config_json" = Option<String>, Query, description = "The text of another model's config.json"),
        ("parameters" = Option<String>, Query, description = "Another model's size: `7b`, `30b-a3b`"),
        ("precision" = Option<String>, Query,
         description = "fp32, bf16, fp16, fp8, int8, awq, gptq, mxfp4, q4_k_m or q8_0; by default the model's own"),
        ("kv_cache" = Option<String>, Query, description = "`16bit` (default) or `fp8`"),
        ("context" = Option<u32>, Query,
         description = "Tokens of a request, prompt and output together; by default 4096, or what the model can have"),
        ("concurrency" = Option<u32>, Query, description = "Requests at once; by default 9"),
        ("memory_share" = Option<f64>, Query, description = "Share of a card's memory for the engine; by default 0.9",
         minimum = 0.1, maximum = 1),
        ("window_credit" = Option<bool>, Query,
         description = "`false`: layers with a sliding window keep every token, as in engines without a hybrid cache"),
        ("max_count" = Option<u32>, Query, description = "Most GPUs of a machine; by default 8", minimum = 1, maximum = 8),
        ("gpu" = Option<String>, Query, description = "Only this GPU, by any name of the catalog"),
    ),
    responses(
        (status = 200, body = Fits),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list_fits(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let gpu: Option<String> = parameters.take("gpu");
    let AskedModel { catalog, model, room } = AskedModel::take(&mut parameters, EngineKind::Vllm)?;
    let gpus = gpus(&catalog, gpu.as_deref())
        .map_err(|unknown| parameters.refuse("gpu", format!("can't be used: {unknown}")))
        .unwrap_or_default();
    let asked = model.map(|model| (room.options(&model.shape, 0), model.shape));
    for problem in asked.iter().flat_map(|(options, shape)| options.problems(shape)) {
        refuse(&mut parameters, &problem);
    }
    parameters.finish()?;
    // What is missing was said.
    let (options, shape) = asked.ok_or_else(|| Error::Parameters(Vec::new()))?;
    let read = public.read(&app, &[], format!("fits {shape:?} {options:?} {gpu:?}")).await?;
    read.json(&app, async { Ok(Fits::of(shape, options, &gpus)) }).await
}
