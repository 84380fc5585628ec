//! `pull_model`: get the model onto the machine. Ollama downloads through its own server, so that is started first;
//! for the other engines the download is part of their start, and nothing is observed here.

use serde_json::json;

use super::{StepContext, StepReport, engine_up::engine_up};
use crate::{
    domain::{
        failure::Failure,
        kinds::{EngineKind, ProviderKind},
        outputs::PullOutput,
    },
    engine::{PullProgress, PullReport},
};

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let spec = context.spec();
    if spec.engine.kind != EngineKind::Ollama {
        return StepReport::new(&PullOutput { pull: PullReport::default(), server_setup_s: None }, json!({}));
    }
    let engine = context.engine();
    let up = engine_up(context).await?;
    let served = engine.served_model(&up.running.endpoint, &spec.model.id).await?;
    let pull = match (served, spec.machine.provider) {
        (Some(served), _) => PullReport { digest: served.digest, ..PullReport::default() },
        // What already runs is somebody else's: it is measured, not changed.
        (None, ProviderKind::Endpoint) => {
            return Err(Failure::permanent(
                "model_not_found",
                format!(
                    "{} at {} doesn't have {}: pull it there (`ollama pull {}`), then run again",
                    spec.engine.kind.common_name(),
                    up.running.endpoint,
                    spec.model.id,
                    spec.model.id
                ),
            ));
        }
        (None, _) => {
            let on_progress = |progress: PullProgress| {
                context.report_progress(json!({
                    "for": progress.status,
                    "completed_bytes": progress.completed_bytes,
                    "total_bytes": progress.total_bytes,
                }));
            };
            engine.pull(&up.running.endpoint, &spec.model.id, &on_progress).await?
        }
    };
    let timings = json!({ "server_setup_s": up.server_setup_s, "model_download_s": pull.seconds });
    StepReport::new(&PullOutput { pull, server_setup_s: up.server_setup_s }, timings)
}
