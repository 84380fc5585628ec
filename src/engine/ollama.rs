//! Ollama, by its own `/api` routes: the server is up at once, the model is pulled and loaded by calls of ours.

mod pull;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use self::pull::{Broken, PullStream};
use super::{
    ContainerSpec, Endpoint, Engine, EngineMetrics, InstallSettings, LoadReport, LoadRequest, LocalCommand,
    LocalInstall, OnPullProgress, Placement, PullReport, ServedModel, ServerState,
    control::{Answer, Control, Outcome, error_message},
    images, install, log,
    sizing::{container_disk_gb, context_tokens, slots},
};
use crate::{
    domain::{failure::Failure, kinds::EngineKind, spec::RunSpec},
    http,
};

/// A pull that says nothing for so long has stalled. A layer is verified in silence, which takes minutes.
const PULL_STALL: Duration = Duration::from_mins(10);
/// Loading a large model from a slow disk.
const LOAD_LIMIT: Duration = Duration::from_mins(30);

/// See the module.
pub(super) struct Ollama {
    control: Control,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Debug, Clone, Deserialize)]
struct Model {
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    details: Value,
    #[serde(default)]
    size_vram: u64,
    #[serde(default)]
    context_length: Option<u32>,
}

impl Ollama {
    pub(super) const fn new() -> Self {
        Self { control: Control::new(EngineKind::Ollama) }
    }

    /// What the server is set up to do, by its environment: its command line takes nothing.
    fn env(spec: &RunSpec, host: String) -> Result<BTreeMap<String, String>, Failure> {
        if !spec.engine.extra_args.is_empty() {
            return Err(Failure::permanent(
                "unsupported_setting",
                "`ollama serve` takes no arguments: drop the extra ones",
            ));
        }
        let queue = spec.load.max_in_flight.saturating_mul(2).max(1024);
        Ok(BTreeMap::from([
            ("OLLAMA_HOST".to_owned(), host),
            ("OLLAMA_NUM_PARALLEL".to_owned(), slots(spec).to_string()),
            ("OLLAMA_MAX_QUEUE".to_owned(), queue.to_string()),
            ("OLLAMA_CONTEXT_LENGTH".to_owned(), context_tokens(spec)?.to_string()),
            ("OLLAMA_KEEP_ALIVE".to_owned(), "-1".to_owned()),
            ("OLLAMA_MAX_LOADED_MODELS".to_owned(), "1".to_owned()),
        ]))
    }

    async fn listed(
        &self,
        endpoint: &Endpoint,
        path: &str,
        model_id: &str,
    ) -> Result<Option<Model>, Failure> {
        let Some(list) = self.control.get_json::<Models>(endpoint, path).await? else {
            return Err(self.control.wrong_engine(endpoint, "something else"));
        };
        Ok(list.models.into_iter().find(|model| same_model(&model.name, model_id)))
    }

    /// What an error text of Ollama's means.
    fn pull_failure(&self, model_id: &str, text: &str) -> Failure {
        let lower = text.to_lowercase();
        let shown: String = text.chars().take(300).collect();
        if lower.contains("file does not exist")
            || lower.contains("not found")
            || lower.contains("invalid model name")
        {
            Failure::permanent(
                "model_not_found",
                format!("Ollama's library has no {model_id} ({shown}): check the name and the tag"),
            )
        } else if lower.contains("no space left") {
            Failure::permanent(
                "disk_full",
                format!("no disk space left to pull {model_id} ({shown}): ask for more"),
            )
        } else {
            Failure::transient(
                "pull_failed",
                format!("Ollama couldn't pull {model_id} ({shown}): trying again continues the download"),
            )
        }
    }

    fn refused_generate(&self, endpoint: &Endpoint, model_id: &str, answer: &Answer) -> Failure {
        let said = error_message(&answer.body).unwrap_or_default();
        if answer.status.as_u16() == 404 {
            return Failure::permanent(
                "model_not_found",
                format!("Ollama at {endpoint} doesn't have {model_id}: pull it first, or check its name"),
            );
        }
        log::explain(EngineKind::Ollama, &said)
            .unwrap_or_else(|| self.control.refused(endpoint, "/api/generate", answer))
    }
}

/// Whether both name the same model: names are case-insensitive and `latest` is the tag of a name without one.
fn same_model(listed: &str, wanted: &str) -> bool {
    let full = |name: &str| {
        let name = name.to_ascii_lowercase();
        let tagged = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        if tagged { name } else { format!("{name}:latest") }
    };
    full(listed) == full(wanted)
}

#[async_trait]
impl Engine for Ollama {
    fn kind(&self) -> EngineKind {
        EngineKind::Ollama
    }

    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure> {
        let port = spec.machine.port.unwrap_or(EngineKind::Ollama.default_port());
        Ok(ContainerSpec {
            image: images::image(EngineKind::Ollama, &spec.machine)?,
            entrypoint: Vec::new(),
            args: vec!["serve".to_owned()],
            env: Self::env(spec, format!("0.0.0.0:{port}"))?,
            port,
            container_disk_gb: container_disk_gb(spec),
            volume_gb: spec.machine.volume_in_gb,
            volume_mount: "/root/.ollama".to_owned(),
            wants_hf_token: false,
            api_key_flag: None,
        })
    }

    async fn find_install(&self, settings: &InstallSettings) -> Result<LocalInstall, Failure> {
        install::ollama(settings).await
    }

    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure> {
        let mut env = Self::env(spec, format!("127.0.0.1:{port}"))?;
        if spec.machine.gpu_count == 0 {
            env.extend(
                ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"]
                    .map(|name| (name.to_owned(), "-1".to_owned())),
            );
        }
        Ok(LocalCommand {
            program: install.program.clone(),
            args: vec!["serve".to_owned()],
            env,
            model_path: None,
        })
    }

    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure> {
        match self.control.get(endpoint, "/api/version").await? {
            Outcome::NoAnswer(reason) => Ok(ServerState::Down { reason }),
            Outcome::Answered(answer) if answer.status.is_success() => {
                serde_json::from_str::<Version>(&answer.body)
                    .map(|answer| ServerState::Up { version: Some(answer.version) })
                    .map_err(|_| self.control.wrong_engine(endpoint, "something else"))
            }
            Outcome::Answered(answer) => match self.control.refused(endpoint, "/api/version", &answer) {
                failure if failure.code == "engine_starting" => Ok(ServerState::Starting),
                failure if failure.code == "engine_unauthorised" || failure.retryable => Err(failure),
                _ => Err(self.control.wrong_engine(endpoint, "something else")),
            },
        }
    }

    async fn served_model(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
    ) -> Result<Option<ServedModel>, Failure> {
        let Some(model) = self.listed(endpoint, "/api/tags", model_id).await? else { return Ok(None) };
        let loaded = self.listed(endpoint, "/api/ps", model_id).await?;
        let detail = |key: &str| model.details.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(Some(ServedModel {
            context_tokens: loaded.and_then(|loaded| loaded.context_length),
            quantization: detail("quantization_level"),
            digest: model.digest.clone(),
            parallel_slots: None,
            details: json!({
                "parameters": detail("parameter_size"),
                "weights_bytes": model.size,
                "format": detail("format"),
            }),
            id: model.name,
        }))
    }

    async fn pull(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
        on_progress: OnPullProgress<'_>,
    ) -> Result<PullReport, Failure> {
        let started = Instant::now();
        let request = self
            .control
            .request(endpoint, reqwest::Method::POST, "/api/pull")?
            .json(&json!({ "model": model_id, "stream": true }));
        let stalled = || {
            Failure::transient(
                "pull_failed",
                format!("the pull of {model_id} stalled for {} s", PULL_STALL.as_secs()),
            )
        };
        let unreachable = |error| self.control.unreachable(endpoint, &http::explain(error));
        let mut response = tokio::time::timeout(PULL_STALL, request.send())
            .await
            .map_err(|_| stalled())?
            .map_err(unreachable)?;
        let broken = |broken| match broken {
            Broken::Refused(text) => self.pull_failure(model_id, &text),
            Broken::Malformed => self.pull_failure(model_id, "its stream was cut short or isn't Ollama's"),
        };
        if !response.status().is_success() {
            let status = response.status();
            let body = tokio::time::timeout(PULL_STALL, response.text()).await.map_err(|_| stalled())?;
            let answer = Answer { status, body: body.unwrap_or_default() };
            return Err(match error_message(&answer.body) {
                Some(text) if status.as_u16() != 503 => self.pull_failure(model_id, &text),
                _ => self.control.refused(endpoint, "/api/pull", &answer),
            });
        }
        let mut stream = PullStream::default();
        loop {
            let piece = tokio::time::timeout(PULL_STALL, response.chunk()).await.map_err(|_| stalled())?;
            match piece {
                Ok(Some(piece)) => stream.feed(&piece, on_progress).map_err(broken)?,
                Ok(None) => break,
                Err(error) => {
                    let reason = http::explain(error);
                    return Err(self.pull_failure(model_id, &format!("the connection broke off: {reason}")));
                }
            }
        }
        let bytes = stream.finish(on_progress).map_err(broken)?;
        let seconds = started.elapsed().as_secs_f64();
        let model = self.listed(endpoint, "/api/tags", model_id).await?;
        Ok(PullReport { seconds: Some(seconds), bytes, digest: model.and_then(|model| model.digest) })
    }

    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure> {
        let mut body = json!({ "model": request.model_id, "keep_alive": -1, "stream": false });
        if let Some(context_tokens) = request.context_tokens {
            body["options"] = json!({ "num_ctx": context_tokens });
        }
        let call = self.control.request(endpoint, reqwest::Method::POST, "/api/generate")?.json(&body);
        let started = Instant::now();
        match self.control.send(call, LOAD_LIMIT).await {
            Outcome::Answered(answer) if answer.status.is_success() => {
                if let Some(text) = error_message(&answer.body) {
                    return Err(self.control.bad_answer(endpoint, "/api/generate", &text));
                }
            }
            Outcome::Answered(answer) => {
                return Err(self.refused_generate(endpoint, request.model_id, &answer));
            }
            Outcome::NoAnswer(reason) => return Err(self.control.unreachable(endpoint, &reason)),
        }
        let seconds = started.elapsed().as_secs_f64();
        let loaded = self.listed(endpoint, "/api/ps", request.model_id).await?;
        let placement = loaded
            .map(|model| Placement { total_bytes: model.size, gpu_bytes: model.size_vram.min(model.size) });
        if request.gpu_count > 0 {
            check_placement(request.model_id, placement)?;
        }
        Ok(LoadReport { model_loading_s: Some(seconds), placement, ..LoadReport::default() })
    }

    /// Ollama has no route for it: prompt lengths are fitted from the counts of warm-up requests.
    async fn count_tokens(&self, _: &Endpoint, _: &str, _: &str) -> Result<Option<u32>, Failure> {
        Ok(None)
    }

    /// Ollama has none: its counts come with each answer.
    async fn engine_metrics(&self, _: &Endpoint) -> Result<EngineMetrics, Failure> {
        Ok(EngineMetrics::default())
    }

    fn explain_log(&self, log: &str) -> Option<Failure> {
        log::explain(EngineKind::Ollama, log)
    }
}

/// On a GPU machine a model that is partly in main memory would be measured at the speed of the CPU.
fn check_placement(model_id: &str, placement: Option<Placement>) -> Result<(), Failure> {
    let Some(placement) = placement else {
        return Err(Failure::transient(
            "model_not_on_gpu",
            format!(
                "Ollama loaded {model_id} but doesn't list it as loaded: it may have been pushed out of memory"
            ),
        ));
    };
    if placement.gpu_bytes < placement.total_bytes {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        return Err(Failure::permanent(
            "model_not_on_gpu",
            format!(
                "only {:.1} of {:.1} GiB of {model_id} are in GPU memory, the rest would run on the CPU: use a larger \
                 GPU, a shorter context, fewer slots or a smaller quantisation",
                gib(placement.gpu_bytes),
                gib(placement.total_bytes)
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_spec;

    #[test]
    fn a_name_without_a_tag_is_latest_and_case_does_not_matter() {
        assert!(same_model("llama2:latest", "llama2"));
        assert!(same_model("smollm2:135m", "SmolLM2:135M"));
        assert!(same_model("hf.co/a/b:latest", "hf.co/a/b"));
        assert!(!same_model("llama2:7b", "llama2"));
    }

    #[test]
    fn the_environment_serves_the_highest_rate_at_once_and_keeps_the_model() {
        let spec = test_spec(EngineKind::Ollama);
        let container = Ollama::new().container_spec(&spec).unwrap();
        assert_eq!(container.env["OLLAMA_NUM_PARALLEL"], "9");
        assert_eq!(container.env["OLLAMA_KEEP_ALIVE"], "-1");
        assert_eq!(container.env["OLLAMA_HOST"], "0.0.0.0:11434");
        assert!(container.env["OLLAMA_MAX_QUEUE"].parse::<u32>().unwrap() > spec.load.max_in_flight);
        assert!(!container.wants_hf_token);
    }

    #[test]
    fn a_model_partly_on_the_cpu_is_refused_on_a_gpu_machine() {
        let whole = Placement { total_bytes: 8 << 30, gpu_bytes: 8 << 30 };
        assert!(check_placement("m", Some(whole)).is_ok());
        let failure = check_placement("m", Some(Placement { gpu_bytes: 5 << 30, ..whole })).unwrap_err();
        assert_eq!(failure.code, "model_not_on_gpu");
        assert!(failure.message.contains("5.0 of 8.0 GiB"), "{failure}");
    }
}
