//! `start_engine`: get the engine to serve the model, and learn what it serves: what makes results comparable.

use serde_json::json;

use super::{
    StepContext, StepReport,
    engine_up::{LOG_LINES, engine_up, model_served},
};
use crate::{
    domain::{failure::Failure, outputs::StartOutput},
    engine::LoadRequest,
};

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let (engine, provider) = (context.engine(), context.provider()?);
    let spec = context.spec();
    let up = engine_up(context).await?;
    let served = model_served(context, &up.running).await?;
    let log = provider.logs(&context.pod_name(), LOG_LINES).await.unwrap_or_default();
    let request = LoadRequest {
        model_id: &spec.model.id,
        startup_log: (!log.is_empty()).then_some(log.as_str()),
        gpu_count: spec.machine.gpu_count,
        context_tokens: spec.engine.context_tokens,
    };
    let load = engine.load(&up.running.endpoint, &request).await?;
    // Asked again: Ollama knows the context it gave the model only once it is loaded.
    let served = engine.served_model(&up.running.endpoint, &spec.model.id).await?.unwrap_or(served);
    let timings = json!({
        "server_setup_s": up.server_setup_s,
        "model_loading_s": load.model_loading_s,
        "model_download_s": load.model_download_s,
        "graph_capture_s": load.graph_capture_s,
    });
    let output = StartOutput {
        external_id: up.running.external_id,
        endpoint: up.running.endpoint,
        version: up.version,
        served,
        load,
        command: up.running.command,
        server_setup_s: up.server_setup_s,
    };
    StepReport::new(&output, timings)
}
