//! `/api/v1/recommendations`: which GPUs to take for a model.

use axum::{extract::State, http::Uri, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::asked::{AskedModel, refuse};
use crate::{
    api::{
        app::App,
        error::Error,
        parameters::{Parameters, Usd},
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{
        kinds::EngineKind,
        recommend::{Ask, Goal, Usual},
        spec::LoadSpec,
    },
    report::advice::{Recommendation, recommendation},
    store::data_versions::Scope,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_recommendations))
}

/// Which GPUs to take for a model: what each would cost and how fast it would be, the best first
///
/// By what was measured of the same model and engine, else by the roofline, each with its band and its reason, at today's
/// on-demand prices of every platform.
#[utoipa::path(
    get, path = "/recommendations", tag = "prices",
    params(
        ("model" = Option<String>, Query, description = "Any name of the catalog; needed where nothing describes the model"),
        ("config_json" = Option<String>, Query, description = "The text of another model's config.json"),
        ("parameters" = Option<String>, Query, description = "Another model's size: `7b`, `30b-a3b`"),
        ("engine" = Option<EngineKind>, Query, description = "By default `vllm`"),
        ("goal" = Option<Goal>, Query,
         description = "`cheapest` (default): US dollars for a million output tokens. `fastest`: tokens a second, of each \
                        request with `concurrency`, else of all. `slo`: the cheapest that keeps to `ttft_ms` and `itl_ms`"),
        ("max_usd_per_hour" = Option<String>, Query,
         description = "Most US dollars an hour for the whole machine, all its GPUs together"),
        ("ttft_ms" = Option<f64>, Query, description = "Most milliseconds to the first token", exclusive_minimum = 0),
        ("itl_ms" = Option<f64>, Query, description = "Most milliseconds between tokens", exclusive_minimum = 0),
        ("prompt_tokens" = Option<u32>, Query, description = "Tokens of a prompt; by default 100", minimum = 1),
        ("output_tokens" = Option<u32>, Query, description = "Tokens of an answer; by default 200", minimum = 1),
        ("concurrency" = Option<u32>, Query,
         description = "Requests at a time; by default as many as there is room for, and room for 9 at least"),
        ("precision" = Option<String>, Query,
         description = "fp32, bf16, fp16, fp8, int8, awq, gptq, mxfp4, q4_k_m or q8_0; by default what the engine serves"),
        ("kv_cache" = Option<String>, Query, description = "`16bit` (default) or `fp8`"),
        ("context" = Option<u32>, Query,
         description = "Tokens of a request, prompt and output together; by default 4096, or what the model can have"),
        ("memory_share" = Option<f64>, Query, description = "Share of a card's memory for the engine; by default 0.9",
         minimum = 0.1, maximum = 1),
        ("window_credit" = Option<bool>, Query,
         description = "`false`: layers with a sliding window keep every token, as in engines without a hybrid cache"),
        ("max_count" = Option<u32>, Query, description = "Most GPUs of a machine; by default 8", minimum = 1, maximum = 8),
    ),
    responses(
        (status = 200, body = Recommendation),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list_recommendations(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let engine = parameters.take("engine").unwrap_or(EngineKind::Vllm);
    let AskedModel { catalog, model, room } = AskedModel::take(&mut parameters, engine)?;
    let ask = Ask {
        engine,
        goal: parameters.take("goal").unwrap_or(Goal::Cheapest),
        room,
        prompt_tokens: parameters.take("prompt_tokens"),
        output_tokens: parameters.take("output_tokens"),
        max_usd_per_hour: parameters.take("max_usd_per_hour").map(|Usd(usd)| usd),
        ttft_ms: parameters.take("ttft_ms"),
        itl_ms: parameters.take("itl_ms"),
    };
    let defaults = LoadSpec::default();
    let usual = Usual {
        prompt_tokens: defaults.prompt_tokens,
        output_tokens: defaults.output_tokens,
        max_in_flight: defaults.max_in_flight,
    };
    let question = model.as_ref().map(|model| ask.question(&model.shape, usual));
    if let Some(Err(problems)) = &question {
        for problem in problems {
            refuse(&mut parameters, problem);
        }
    }
    parameters.finish()?;
    // What is missing was said.
    let (Some(model), Some(Ok(question))) = (&model, question) else {
        return Err(Error::Parameters(Vec::new()));
    };
    let key = format!("recommendations {model:?} {engine:?} {question:?}");
    let read = public.read_now(&app, &[Scope::Prices, Scope::Results, Scope::Measured], key).await?;
    let make = async {
        let mut conn = app.pool.acquire().await?;
        let answer: Recommendation =
            recommendation(&mut conn, &catalog, model, engine, &question, None).await?;
        Ok(answer)
    };
    read.json(&app, make).await
}
