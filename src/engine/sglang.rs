//! SGLang's OpenAI server. `/health` is 503 until its own warm-up request ran; `/server_info` tells how long the
//! parts of its start took.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    ContainerSpec, Endpoint, Engine, EngineMetrics, InstallSettings, LoadReport, LoadRequest, LocalCommand,
    LocalInstall, ServedModel, ServerState,
    control::Control,
    images, install, log, openai,
    prometheus::{histogram, mean, sum},
    sizing::{container_disk_gb, context_tokens, flags, precision_flags, slots},
};
use crate::domain::{failure::Failure, kinds::EngineKind, spec::RunSpec};

/// See the module.
pub(super) struct Sglang {
    control: Control,
}

impl Sglang {
    pub(super) const fn new() -> Self {
        Self { control: Control::new(EngineKind::Sglang) }
    }

    /// The server's arguments for this model, host and port.
    fn args(spec: &RunSpec, model: &str, host: &str, port: u16) -> Result<Vec<String>, Failure> {
        let mut args = vec!["-m".to_owned(), "sglang.launch_server".to_owned()];
        args.extend(flags([
            ("--model-path", model.to_owned()),
            ("--served-model-name", spec.model.id.clone()),
            ("--host", host.to_owned()),
            ("--port", port.to_string()),
            ("--context-length", context_tokens(spec)?.to_string()),
        ]));
        if spec.machine.gpu_count > 1 {
            args.extend(flags([("--tp-size", spec.machine.gpu_count.to_string())]));
        }
        if let Some(slots) = spec.engine.parallel_slots {
            args.extend(flags([("--max-running-requests", slots.to_string())]));
        }
        args.extend(precision_flags(spec.engine.precision.as_deref())?);
        if !spec.engine.prefix_caching {
            args.push("--disable-radix-cache".to_owned());
        }
        args.push("--enable-metrics".to_owned());
        Ok(args)
    }

    /// `/server_info`, or its older name.
    async fn server_info(&self, endpoint: &Endpoint) -> Result<Option<Value>, Failure> {
        match self.control.get_json(endpoint, "/server_info").await? {
            Some(info) => Ok(Some(info)),
            None => self.control.get_json(endpoint, "/get_server_info").await,
        }
    }
}

#[async_trait]
impl Engine for Sglang {
    fn kind(&self) -> EngineKind {
        EngineKind::Sglang
    }

    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure> {
        let port = spec.machine.port.unwrap_or(EngineKind::Sglang.default_port());
        let mut args = Self::args(spec, &spec.model.id, "0.0.0.0", port)?;
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(ContainerSpec {
            image: images::image(EngineKind::Sglang, &spec.machine)?,
            entrypoint: vec!["python3".to_owned()],
            args,
            env: BTreeMap::from([("HF_HOME".to_owned(), images::HF_HOME.to_owned())]),
            port,
            container_disk_gb: container_disk_gb(spec),
            volume_gb: spec.machine.volume_in_gb,
            volume_mount: images::HF_HOME.to_owned(),
            wants_hf_token: true,
            api_key_flag: Some("--api-key".to_owned()),
        })
    }

    async fn find_install(&self, settings: &InstallSettings) -> Result<LocalInstall, Failure> {
        install::python_engine(settings, &install::SGLANG).await
    }

    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure> {
        let (model, model_path, mut env) = install::hugging_face_model(spec)?;
        let mut args = Self::args(spec, &model, "127.0.0.1", port)?;
        if spec.machine.gpu_count == 0 {
            let tokens = slots(spec).saturating_mul(context_tokens(spec)?).max(20_000);
            args.extend(flags([
                ("--device", "cpu".to_owned()),
                ("--attention-backend", "torch_native".to_owned()),
                ("--sampling-backend", "pytorch".to_owned()),
                ("--mem-fraction-static", "0.2".to_owned()),
                ("--max-total-tokens", tokens.to_string()),
            ]));
            args.extend(
                [
                    "--disable-overlap-schedule",
                    "--cuda-graph-backend-decode=disabled",
                    "--cuda-graph-backend-prefill=disabled",
                ]
                .map(str::to_owned),
            );
            env.extend([
                ("SGLANG_USE_CPU_ENGINE".into(), "1".into()),
                ("CUDA_VISIBLE_DEVICES".into(), String::new()),
                ("OMP_NUM_THREADS".into(), install.threads.unwrap_or(1).to_string()),
            ]);
        }
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(LocalCommand { program: install.program.clone(), args, env, model_path })
    }

    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure> {
        let state = openai::probe_health(&self.control, endpoint).await?;
        let ServerState::Up { .. } = state else { return Ok(state) };
        let info = self.server_info(endpoint).await?;
        let version = info.and_then(|info| info.get("version")?.as_str().map(str::to_owned));
        Ok(ServerState::Up { version })
    }

    async fn served_model(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
    ) -> Result<Option<ServedModel>, Failure> {
        let Some(card) = openai::find_model(&self.control, endpoint, model_id, Some("sglang")).await? else {
            return Ok(None);
        };
        let info = self.server_info(endpoint).await?.unwrap_or_default();
        let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
        let slots = info.get("max_running_requests").and_then(Value::as_u64).or_else(|| {
            info.pointer("/internal_states/0/effective_max_running_requests_per_dp").and_then(Value::as_u64)
        });
        Ok(Some(ServedModel {
            id: card.id,
            context_tokens: card.max_model_len,
            quantization: text("quantization"),
            digest: None,
            parallel_slots: slots.and_then(|slots| u32::try_from(slots).ok()),
            details: json!({
                "kv_cache_dtype": text("kv_cache_dtype"),
                "tp_size": info.get("tp_size"),
                "mem_fraction_static": info.get("mem_fraction_static"),
                "disable_radix_cache": info.get("disable_radix_cache"),
            }),
        }))
    }

    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure> {
        openai::require_model(
            self.served_model(endpoint, request.model_id).await?,
            endpoint,
            request.model_id,
        )?;
        let info = self.server_info(endpoint).await?.unwrap_or_default();
        Ok(read_start(&info, request.startup_log.unwrap_or_default()))
    }

    async fn count_tokens(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
        text: &str,
    ) -> Result<Option<u32>, Failure> {
        openai::count_tokens(&self.control, endpoint, model_id, text).await
    }

    async fn engine_metrics(&self, endpoint: &Endpoint) -> Result<EngineMetrics, Failure> {
        let Some(text) = openai::metrics_text(&self.control, endpoint).await? else {
            return Ok(EngineMetrics::default());
        };
        let prompt_tokens_total = sum(&text, &["sglang:prompt_tokens_total"]);
        let prefix_cache_hits = sum(&text, &["sglang:cached_tokens_total"]);
        Ok(EngineMetrics {
            prompt_tokens_total,
            generation_tokens_total: sum(&text, &["sglang:generation_tokens_total"]),
            requests_total: sum(&text, &["sglang:num_requests_total"]),
            running: sum(&text, &["sglang:num_running_reqs"]),
            waiting: sum(&text, &["sglang:num_queue_reqs"]),
            prefix_cache_queries: prefix_cache_hits.and(prompt_tokens_total),
            prefix_cache_hits,
            kv_cache_usage: mean(&text, &["sglang:token_usage"]),
            preemptions_total: sum(&text, &["sglang:num_retracted_requests_total"]),
            ttft_s: histogram(&text, "sglang:time_to_first_token_seconds"),
            queue_s: histogram(&text, "sglang:queue_time_seconds"),
        })
    }

    fn explain_log(&self, log: &str) -> Option<Failure> {
        log::explain(EngineKind::Sglang, log)
    }
}

/// The parts of the start: from `/server_info` where the version has them, else from the log.
fn read_start(info: &Value, text: &str) -> LoadReport {
    let seconds = |part: &str| info.pointer(&format!("/startup_time/{part}")).and_then(Value::as_f64);
    let logged = |sign: &str| {
        text.lines()
            .filter(|line| line.contains(sign))
            .filter_map(|line| log::number_after(line, "elapsed="))
            .max_by(f64::total_cmp)
    };
    let graphs = info
        .pointer("/startup_time/cuda_graph")
        .and_then(Value::as_object)
        .map(|parts| parts.values().filter_map(Value::as_f64).sum::<f64>())
        .filter(|seconds| *seconds > 0.0);
    LoadReport {
        model_loading_s: seconds("load_weight").or_else(|| logged("Load weight end")),
        model_download_s: None,
        graph_capture_s: graphs.or_else(|| logged("CUDA graph end")),
        engine_init_s: seconds("scheduler_e2e"),
        kv_cache_tokens: info.get("max_total_num_tokens").and_then(Value::as_u64),
        placement: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{InstallForm, test_install, test_spec};

    #[test]
    fn the_parts_of_a_start_come_from_server_info_else_from_the_log() {
        let info: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/sglang/server_info.200.json")).unwrap();
        let told = read_start(&info, "");
        assert_eq!((told.model_loading_s, told.graph_capture_s), (Some(9.81), Some(18.9)));
        assert_eq!((told.engine_init_s, told.kv_cache_tokens), (Some(41.7), Some(271_204)));
        let logged = read_start(&Value::Null, include_str!("../../tests/fixtures/sglang/startup.log"));
        assert_eq!((logged.model_loading_s, logged.graph_capture_s), (Some(9.81), Some(18.9)));
        assert_eq!(logged.model_download_s, None, "what can't be seen is not made up");
    }

    #[test]
    fn the_container_runs_the_server_module_with_flags_that_exist() {
        let mut spec = test_spec(EngineKind::Sglang);
        (spec.machine.gpu_count, spec.engine.precision) = (2, Some("fp8".into()));
        let container = Sglang::new().container_spec(&spec).unwrap();
        assert_eq!(
            container.args.join(" "),
            "-m sglang.launch_server --model-path Qwen/Qwen3-14B --served-model-name Qwen/Qwen3-14B --host 0.0.0.0 \
             --port 30000 --context-length 1024 --tp-size 2 --quantization fp8 --disable-radix-cache --enable-metrics"
        );
        assert_eq!(container.entrypoint, ["python3"]);
    }

    #[test]
    fn extra_arguments_come_last_so_that_they_win() {
        let mut spec = test_spec(EngineKind::Sglang);
        spec.machine.gpu_count = 0;
        spec.engine.extra_args = vec!["--mem-fraction-static".into(), "0.5".into()];
        let command =
            Sglang::new().local_command(&spec, &test_install(InstallForm::PythonModule), 1).unwrap();
        assert_eq!(command.args.last().unwrap(), "0.5");
    }
}
