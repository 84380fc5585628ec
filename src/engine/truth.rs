//! The truth server as an engine: its timing is set, so a run against it shows the instrument's own error.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    ContainerSpec, Endpoint, Engine, EngineMetrics, InstallSettings, LoadReport, LoadRequest, LocalCommand,
    LocalInstall, ServedModel, ServerState,
    control::Control,
    images, install, log, openai,
    prometheus::{histogram, sum},
    sizing::flags,
};
use crate::domain::{failure::Failure, kinds::EngineKind, spec::RunSpec};

/// What it writes into `owned_by`.
const OWNER: &str = "dria-bench";

/// See the module.
pub(super) struct Truth {
    control: Control,
}

impl Truth {
    pub(super) const fn new() -> Self {
        Self { control: Control::new(EngineKind::Truth) }
    }
}

#[async_trait]
impl Engine for Truth {
    fn kind(&self) -> EngineKind {
        EngineKind::Truth
    }

    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure> {
        Err(match images::image(EngineKind::Truth, &spec.machine) {
            Err(failure) => failure,
            Ok(image) => Failure::permanent("unsupported_setting", format!("{image} isn't known to be ours")),
        })
    }

    async fn find_install(&self, settings: &InstallSettings) -> Result<LocalInstall, Failure> {
        install::truth(settings)
    }

    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure> {
        let mut args = vec!["truth-server".to_owned()];
        args.extend(flags([("--port", port.to_string())]));
        let given = |flag: &str| spec.engine.extra_args.iter().any(|arg| arg.split('=').next() == Some(flag));
        for (flag, value) in [
            ("--ttft-ms", "100".to_owned()),
            ("--itl-ms", "10".to_owned()),
            ("--output-tokens", spec.load.output_tokens.to_string()),
        ] {
            if !given(flag) {
                args.extend(flags([(flag, value)]));
            }
        }
        if let Some(slots) = spec.engine.parallel_slots.filter(|_| !given("--slots")) {
            args.extend(flags([("--slots", slots.to_string())]));
        }
        args.extend(spec.engine.extra_args.iter().cloned());
        Ok(LocalCommand { program: install.program.clone(), args, env: BTreeMap::new(), model_path: None })
    }

    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure> {
        openai::probe_health(&self.control, endpoint).await
    }

    async fn served_model(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
    ) -> Result<Option<ServedModel>, Failure> {
        // It lists one name of its own, but answers to any.
        let cards = openai::models(&self.control, endpoint).await?;
        match cards.first() {
            None => Ok(None),
            Some(card) if card.owned_by.as_deref() == Some(OWNER) => Ok(Some(ServedModel {
                id: model_id.to_owned(),
                context_tokens: card.max_model_len,
                quantization: None,
                digest: None,
                parallel_slots: None,
                details: Value::Null,
            })),
            Some(_) => Err(self.control.wrong_engine(endpoint, "something else")),
        }
    }

    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure> {
        openai::require_model(
            self.served_model(endpoint, request.model_id).await?,
            endpoint,
            request.model_id,
        )?;
        Ok(LoadReport::default())
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
            prompt_tokens_total: sum(&text, &["truth:prompt_tokens_total"]),
            generation_tokens_total: sum(&text, &["truth:generation_tokens_total"]),
            requests_total: sum(&text, &["truth:request_success_total"]),
            running: sum(&text, &["truth:num_requests_running"]),
            waiting: sum(&text, &["truth:num_requests_waiting"]),
            ttft_s: histogram(&text, "truth:time_to_first_token_seconds"),
            ..EngineMetrics::default()
        })
    }

    fn explain_log(&self, log: &str) -> Option<Failure> {
        log::explain(EngineKind::Truth, log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{InstallForm, test_install, test_spec};

    #[test]
    fn its_timing_has_defaults_that_extra_arguments_replace() {
        let mut spec = test_spec(EngineKind::Truth);
        spec.engine.extra_args = vec!["--ttft-ms=5".into()];
        spec.engine.parallel_slots = Some(4);
        let command = Truth::new().local_command(&spec, &test_install(InstallForm::Binary), 4242).unwrap();
        assert_eq!(
            command.args.join(" "),
            "truth-server --port 4242 --itl-ms 10 --output-tokens 200 --slots 4 --ttft-ms=5"
        );
    }
}
