//! What vLLM, SGLang, llama.cpp and the truth server have in common: the OpenAI routes for models.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Endpoint, ServerState, control::Control, control::Outcome};
use crate::domain::failure::Failure;

/// `/v1/models`. Other servers' fields differ and are left aside.
#[derive(Deserialize)]
struct ModelList {
    data: Vec<ModelCard>,
}

/// One entry of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ModelCard {
    pub(super) id: String,
    #[serde(default)]
    pub(super) owned_by: Option<String>,
    #[serde(default)]
    pub(super) root: Option<String>,
    #[serde(default)]
    pub(super) max_model_len: Option<u32>,
    #[serde(default)]
    pub(super) meta: Value,
}

/// Engines by what they write into `owned_by`.
const OWNERS: &[(&str, &str)] =
    &[("vllm", "vLLM"), ("sglang", "SGLang"), ("llamacpp", "llama.cpp"), ("library", "Ollama")];

/// The cards of all models that the server lists.
pub(super) async fn models(control: &Control, endpoint: &Endpoint) -> Result<Vec<ModelCard>, Failure> {
    match control.get_json::<ModelList>(endpoint, "/v1/models").await? {
        Some(list) => Ok(list.data),
        None => Err(control.bad_answer(endpoint, "/v1/models", "there is no such route")),
    }
}

/// Our model's card; `None` when the server lists no model yet.
///
/// # Errors
/// `stale_server` when it lists others only, `wrong_engine` when the card says that another engine made it.
pub(super) async fn find_model(
    control: &Control,
    endpoint: &Endpoint,
    model_id: &str,
    owner: Option<&str>,
) -> Result<Option<ModelCard>, Failure> {
    let cards = models(control, endpoint).await?;
    let other = cards.iter().filter_map(|card| card.owned_by.as_deref()).find_map(|found| {
        OWNERS.iter().find(|(name, _)| *name == found && owner.is_some_and(|ours| ours != found))
    });
    if let Some((_, name)) = other {
        return Err(control.wrong_engine(endpoint, name));
    }
    let served: Vec<String> = cards.iter().map(|card| card.id.clone()).collect();
    let by_root = |card: &&ModelCard| card.root.as_deref() == Some(model_id);
    let ours = cards.iter().find(|card| card.id == model_id).or_else(|| cards.iter().find(by_root));
    match ours {
        Some(card) => Ok(Some(card.clone())),
        None if served.is_empty() => Ok(None),
        None => Err(stale_server(endpoint, model_id, &served)),
    }
}

fn stale_server(endpoint: &Endpoint, model_id: &str, served: &[String]) -> Failure {
    let shown = served.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    Failure::permanent(
        "stale_server",
        format!(
            "the server at {endpoint} serves {shown}, not {model_id}: name a model that it serves, or stop it (it \
             may be left over from something else)"
        ),
    )
    .with_details(json!({ "served": served, "wanted": model_id }))
}

/// One look at `/health`, which all of them have: 200 ready, 503 not yet.
pub(super) async fn probe_health(control: &Control, endpoint: &Endpoint) -> Result<ServerState, Failure> {
    match control.get(endpoint, "/health").await? {
        Outcome::NoAnswer(reason) => Ok(ServerState::Down { reason }),
        Outcome::Answered(answer) if answer.status.is_success() => Ok(ServerState::Up { version: None }),
        Outcome::Answered(answer) => match control.refused(endpoint, "/health", &answer) {
            failure if failure.code == "engine_starting" => Ok(ServerState::Starting),
            failure if answer.status.is_client_error() && failure.code == "engine_bad_answer" => {
                Err(control.wrong_engine(endpoint, "something else"))
            }
            failure => Err(failure),
        },
    }
}

/// Counts with vLLM's and SGLang's `/tokenize`; `None` when the server has no such route.
pub(super) async fn count_tokens(
    control: &Control,
    endpoint: &Endpoint,
    model_id: &str,
    text: &str,
) -> Result<Option<u32>, Failure> {
    #[derive(Deserialize)]
    struct Tokenized {
        count: u32,
    }
    let body = json!({ "model": model_id, "prompt": text, "add_special_tokens": true });
    let counted =
        control.post_json::<Tokenized>(endpoint, "/tokenize", &body, Duration::from_secs(30)).await?;
    Ok(counted.map(|tokenized| tokenized.count))
}

/// The text of `/metrics`; `None` when the server has no such route.
pub(super) async fn metrics_text(control: &Control, endpoint: &Endpoint) -> Result<Option<String>, Failure> {
    let answer = control.get_answer(endpoint, "/metrics").await?;
    match answer.status.as_u16() {
        200 => Ok(Some(answer.body)),
        404 | 405 | 501 => Ok(None),
        _ => Err(control.refused(endpoint, "/metrics", &answer)),
    }
}

/// The served model, or a failure that says that it isn't served yet.
pub(super) fn require_model<T>(served: Option<T>, endpoint: &Endpoint, model_id: &str) -> Result<T, Failure> {
    served.ok_or_else(|| {
        Failure::transient("engine_starting", format!("the server at {endpoint} doesn't list {model_id} yet"))
    })
}
