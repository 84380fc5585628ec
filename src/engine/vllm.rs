//! vLLM's OpenAI server. Its port opens only when weights are loaded and graphs captured, so what happened before
//! is read off its log.

use std::{collections::BTreeMap, path::Path};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    ContainerSpec, Endpoint, Engine, EngineMetrics, InstallForm, InstallSettings, LoadReport, LoadRequest,
    LocalCommand, LocalInstall, ServedModel, ServerState,
    control::Control,
    images, install, log, openai,
    prometheus::{histogram, mean, sum},
    sizing::{container_disk_gb, context_tokens, flags, precision_flags, slots},
};
use crate::domain::{failure::Failure, kinds::EngineKind, spec::RunSpec};

/// See the module.
pub(super) struct Vllm {
    control: Control,
}

impl Vllm {
    pub(super) const fn new() -> Self {
        Self { control: Control::new(EngineKind::Vllm) }
    }

    /// The flags after the one that names the model.
    fn flags(spec: &RunSpec, host: &str, port: u16) -> Result<Vec<String>, Failure> {
        let mut args = flags([
            ("--served-model-name", spec.model.id.clone()),
            ("--host", host.to_owned()),
            ("--port", port.to_string()),
            ("--max-model-len", context_tokens(spec)?.to_string()),
        ]);
        if spec.machine.gpu_count > 1 {
            args.extend(flags([("--tensor-parallel-size", spec.machine.gpu_count.to_string())]));
        }
        if let Some(slots) = spec.engine.parallel_slots {
            args.extend(flags([("--max-num-seqs", slots.to_string())]));
        }
        args.extend(precision_flags(spec.engine.precision.as_deref())?);
        args.push(
            if spec.engine.prefix_caching { "--enable-prefix-caching" } else { "--no-enable-prefix-caching" }
                .into(),
        );
        Ok(args)
    }
}

#[async_trait]
impl Engine for Vllm {
    fn kind(&self) -> EngineKind {
        EngineKind::Vllm
    }

    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure> {
        let port = spec.machine.port.unwrap_or(EngineKind::Vllm.default_port());
        let mut args = flags([("--model", spec.model.id.clone())]);
        args.extend(Self::flags(spec, "0.0.0.0", port)?);
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(ContainerSpec {
            image: images::image(EngineKind::Vllm, &spec.machine)?,
            entrypoint: Vec::new(),
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
        install::python_engine(settings, &install::VLLM).await
    }

    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure> {
        let (model, model_path, mut env) = install::hugging_face_model(spec)?;
        // The module is the same server as `vllm serve`, whose CLI needs the metadata of a package named `vllm`
        // that CPU builds don't have.
        let mut args = match install.form {
            InstallForm::PythonModule => {
                vec!["-m".into(), "vllm.entrypoints.openai.api_server".into(), "--model".into()]
            }
            InstallForm::Binary => vec!["serve".to_owned()],
        };
        args.push(model);
        args.extend(Self::flags(spec, "127.0.0.1", port)?);
        env.insert("VLLM_NO_USAGE_STATS".into(), "1".into());
        env.insert("DO_NOT_TRACK".into(), "1".into());
        if spec.machine.gpu_count == 0 {
            args.push("--enforce-eager".into());
            let slots = slots(spec).to_string();
            if spec.engine.parallel_slots.is_none() {
                args.extend(flags([("--max-num-seqs", slots)]));
            }
            let threads = install.threads.unwrap_or(1).to_string();
            env.extend([
                ("VLLM_TARGET_DEVICE".into(), "cpu".into()),
                ("VLLM_CPU_KVCACHE_SPACE".into(), "1".into()),
                ("VLLM_CPU_OMP_THREADS_BIND".into(), "nobind".into()),
                ("OMP_NUM_THREADS".into(), threads),
                ("VLLM_HOST_IP".into(), "127.0.0.1".into()),
            ]);
        }
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(LocalCommand { program: install.program.clone(), args, env, model_path })
    }

    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure> {
        let state = openai::probe_health(&self.control, endpoint).await?;
        let ServerState::Up { .. } = state else { return Ok(state) };
        let answer: Option<Value> = self.control.get_json(endpoint, "/version").await?;
        let version = answer.and_then(|answer| answer.get("version")?.as_str().map(str::to_owned));
        Ok(ServerState::Up { version })
    }

    async fn served_model(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
    ) -> Result<Option<ServedModel>, Failure> {
        let card = openai::find_model(&self.control, endpoint, model_id, Some("vllm")).await?;
        Ok(card.map(|card| ServedModel {
            details: json!({ "root": card.root.as_deref().filter(|root| !Path::new(root).is_absolute()) }),
            id: card.id,
            context_tokens: card.max_model_len,
            quantization: None,
            digest: None,
            parallel_slots: None,
        }))
    }

    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure> {
        openai::require_model(
            self.served_model(endpoint, request.model_id).await?,
            endpoint,
            request.model_id,
        )?;
        Ok(request.startup_log.map(read_log).unwrap_or_default())
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
        Ok(EngineMetrics {
            prompt_tokens_total: sum(&text, &["vllm:prompt_tokens_total"]),
            generation_tokens_total: sum(&text, &["vllm:generation_tokens_total"]),
            requests_total: sum(&text, &["vllm:request_success_total"]),
            running: sum(&text, &["vllm:num_requests_running"]),
            waiting: sum(&text, &["vllm:num_requests_waiting"]),
            prefix_cache_queries: sum(
                &text,
                &["vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"],
            ),
            prefix_cache_hits: sum(
                &text,
                &["vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"],
            ),
            kv_cache_usage: mean(&text, &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]),
            preemptions_total: sum(&text, &["vllm:num_preemptions_total"]),
            ttft_s: histogram(&text, "vllm:time_to_first_token_seconds"),
            queue_s: histogram(&text, "vllm:request_queue_time_seconds"),
        })
    }

    fn explain_log(&self, log: &str) -> Option<Failure> {
        log::explain(EngineKind::Vllm, log)
    }
}

/// The times vLLM prints while it starts. "Model loading took" includes the download and comes once a rank; on a CPU
/// it isn't printed, but its two parts are.
fn read_log(text: &str) -> LoadReport {
    let download = text
        .lines()
        .filter(|line| line.contains("Time spent downloading weights for"))
        .filter_map(|line| log::number_after(line.rsplit_once(": ")?.1, ""))
        .max_by(f64::total_cmp);
    let loading = text
        .lines()
        .filter_map(|line| line.split_once("Model loading took"))
        .filter_map(|(_, rest)| log::number_after(rest, "and "))
        .max_by(f64::total_cmp);
    let parts = log::largest_after(text, "Loading weights took")
        .map(|weights| weights + log::largest_after(text, "Initializing model took").unwrap_or(0.0));
    LoadReport {
        model_loading_s: loading.map(|loading| (loading - download.unwrap_or(0.0)).max(0.0)).or(parts),
        model_download_s: download,
        graph_capture_s: log::largest_after(text, "Graph capturing finished in"),
        engine_init_s: log::largest_after(text, "warmup model) took"),
        kv_cache_tokens: log::largest_after(text, "KV cache size:").map(|tokens| tokens as u64),
        placement: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{test_install, test_spec};

    #[test]
    fn the_times_of_a_start_are_read_off_the_log_and_the_download_is_apart() {
        let log = include_str!("../../tests/fixtures/vllm/startup.log");
        let report = read_log(log);
        assert_eq!(report.model_download_s, Some(38.211_904));
        assert!((report.model_loading_s.unwrap() - (46.903_112 - 38.211_904)).abs() < 1e-9);
        assert_eq!(report.graph_capture_s, Some(17.0));
        assert_eq!(report.engine_init_s, Some(36.12));
        assert_eq!(report.kv_cache_tokens, Some(269_808));
        let older = read_log(
            "INFO Model loading took 2.50 GiB and 3.25 seconds\nINFO Model loading took 2.50 GiB and 4.5 seconds",
        );
        assert_eq!((older.model_loading_s, older.model_download_s), (Some(4.5), None));
        let cpu = read_log(
            "(Worker pid=2) INFO [base_loader.py:82] Initializing model took 0.25 seconds\n\
             (Worker pid=2) INFO [default_loader.py:501] Loading weights took 0.5 seconds\n\
             (EngineCore pid=1) INFO [kv_cache_utils.py:2327] CPU KV cache size: 2,097,152 tokens, Maximum\n\
             (EngineCore pid=1) INFO [core.py:402] init engine (profile, create kv cache, warmup model) took 1.39 s",
        );
        assert_eq!(
            (cpu.model_loading_s, cpu.engine_init_s, cpu.kv_cache_tokens),
            (Some(0.75), Some(1.39), Some(2_097_152))
        );
        assert_eq!(read_log("nothing of interest"), LoadReport::default());
    }

    #[test]
    fn the_container_gets_flags_that_exist_and_no_secret() {
        let mut spec = test_spec(EngineKind::Vllm);
        (spec.machine.gpu_count, spec.engine.precision) = (4, Some("bf16".into()));
        let container = Vllm::new().container_spec(&spec).unwrap();
        assert_eq!(
            container.args.join(" "),
            "--model Qwen/Qwen3-14B --served-model-name Qwen/Qwen3-14B --host 0.0.0.0 --port 8000 --max-model-len 1024 \
             --tensor-parallel-size 4 --dtype bfloat16 --no-enable-prefix-caching"
        );
        assert_eq!(container.port, 8000);
        assert!(container.wants_hf_token && !container.env.contains_key("HF_TOKEN"));
        for gone in ["--disable-log-requests", "--swap-space"] {
            assert!(!container.args.iter().any(|arg| arg == gone));
        }
        spec.engine.precision = Some("Q4_K_M".into());
        assert_eq!(Vllm::new().container_spec(&spec).unwrap_err().code, "unsupported_setting");
    }

    #[test]
    fn on_a_cpu_the_module_is_started_with_cpu_settings_on_the_loopback() {
        let mut spec = test_spec(EngineKind::Vllm);
        spec.machine.gpu_count = 0;
        spec.engine.extra_args = vec!["--seed=7".into()];
        let command =
            Vllm::new().local_command(&spec, &test_install(InstallForm::PythonModule), 4242).unwrap();
        assert_eq!(command.args[..3], ["-m", "vllm.entrypoints.openai.api_server", "--model"]);
        assert!(command.args.join(" ").contains("--host 127.0.0.1 --port 4242"));
        assert_eq!(
            command.args.last().map(String::as_str),
            Some("--seed=7"),
            "extra arguments come last and win"
        );
        assert_eq!(command.env.get("VLLM_CPU_KVCACHE_SPACE").map(String::as_str), Some("1"));
    }
}
