//! The times before the first measured request: four, never copied from one another, null when not observable.

use serde::{Deserialize, Serialize};

/// The set-up times of a run, s.
///
/// A time nobody could see is `None`; it is never filled from another, and their sum is never passed off as the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupTimes {
    /// From the call that creates the machine to the engine's HTTP port answering.
    pub server_setup_s: Option<f64>,
    /// The parts of `server_setup_s`, where the provider shows them.
    pub server_setup_parts: ServerSetupParts,
    /// The model's files being fetched: Ollama's `/api/pull`; vLLM's and SGLang's log line, or our own download marker.
    pub model_download_s: Option<f64>,
    /// The weights being loaded: Ollama's empty generate; vLLM's "Model loading took" less the download; SGLang's
    /// `load_weight`; a local engine's own report.
    pub model_loading_s: Option<f64>,
    /// From the first request to steady state.
    pub warmup_s: Option<f64>,
    /// Wall time from the first of it to the last, observed as one: the times above may overlap or leave gaps.
    pub total_s: Option<f64>,
}

/// What `server_setup_s` was spent on, s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the shared ending is the unit")]
pub struct ServerSetupParts {
    /// A machine being found and the image pulled.
    pub placement_and_image_pull_s: Option<f64>,
    /// The container (or process) starting.
    pub container_start_s: Option<f64>,
    /// From the container running to the port answering.
    pub port_open_s: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_nobody_saw_is_null_and_an_absent_one_is_read_as_null() {
        let times = SetupTimes { server_setup_s: Some(1.5), ..SetupTimes::default() };
        let json = serde_json::to_value(times).unwrap();
        assert_eq!(json["model_download_s"], serde_json::Value::Null);
        assert_eq!(serde_json::from_str::<SetupTimes>(r#"{"server_setup_s": 1.5}"#).unwrap(), times);
    }
}
