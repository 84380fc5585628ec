//! How an engine is started and reached: what engines describe and providers carry out.
//!
//! It is here so that neither `engine` nor `provider` needs the other: an engine knows its flags, a provider knows
//! machines, and these types are all they have in common.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// Where an engine answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Base URL without a path, e.g. `http://127.0.0.1:8000/`.
    pub base_url: Url,
    /// Bearer token the engine asks for. Never stored and never shown.
    #[serde(skip)]
    pub api_key: Option<String>,
    /// Whether an HTTP proxy of the provider is in between: its 502 means "nothing listens yet".
    #[serde(default)]
    pub through_proxy: bool,
}

impl Endpoint {
    /// A direct endpoint without a key.
    #[must_use]
    pub const fn direct(base_url: Url) -> Self {
        Self { base_url, api_key: None, through_proxy: false }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base_url", &self.base_url.as_str())
            .field("api_key", &self.api_key.as_ref().map(|_| "redacted"))
            .field("through_proxy", &self.through_proxy)
            .finish()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base_url.as_str().trim_end_matches('/'))
    }
}

/// A container that serves a model, as a cloud starts it. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Image with its tag.
    pub image: String,
    /// Replaces the image's entrypoint; empty: the image's own.
    pub entrypoint: Vec<String>,
    /// Arguments for the entrypoint.
    pub args: Vec<String>,
    /// Environment, without secrets.
    pub env: BTreeMap<String, String>,
    /// Port the engine listens on inside the container.
    pub port: u16,
    /// Container disk, GB.
    pub container_disk_gb: u32,
    /// Persistent volume for the weights, GB; 0: none.
    pub volume_gb: u32,
    /// Where the volume is mounted.
    pub volume_mount: String,
    /// Whether the engine downloads from Hugging Face and so wants the user's token in `HF_TOKEN`.
    pub wants_hf_token: bool,
    /// The flag that makes the engine ask for a bearer token, where it has one. The provider adds it, with a key it
    /// makes, when the port is public.
    pub api_key_flag: Option<String>,
}

/// How an engine is installed on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalInstall {
    /// The program that starts it: a server binary, or a Python interpreter that has its module.
    pub program: PathBuf,
    /// What the program is.
    pub form: InstallForm,
    /// The script that the interpreter runs instead of a module of the engine's own (llama.cpp's wheel).
    pub script: Option<PathBuf>,
    /// The engine's version as its package or `--version` gives it; `None` when it doesn't say.
    pub version: Option<String>,
    /// SHA-256 of the binary, hex; `None` for a Python package (its version names it).
    pub sha256: Option<String>,
    /// Weights that came with the install and serve the model of the demo.
    pub bundled_model: Option<PathBuf>,
    /// Threads the engine may compute with; `None`: its own choice.
    pub threads: Option<u32>,
}

/// What starts an engine that is installed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallForm {
    /// The engine's own binary.
    Binary,
    /// A Python interpreter with the engine's module.
    PythonModule,
}

/// The command that serves a model on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment added to the worker's own, without secrets.
    pub env: BTreeMap<String, String>,
    /// The weights it reads, where these are a file of ours.
    pub model_path: Option<PathBuf>,
}

/// The last `lines` non-empty lines of a log, with anything that looks like an access token left out.
#[must_use]
pub fn last_lines(log: &str, lines: usize) -> String {
    let kept: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = kept.len().saturating_sub(lines);
    kept.get(from..).unwrap_or_default().iter().map(|line| redact_tokens(line)).collect::<Vec<_>>().join("\n")
}

/// The line with every `hf_…`, `sk-…` and `rpa_…` token replaced.
fn redact_tokens(line: &str) -> String {
    const STARTS: [&str; 3] = ["hf_", "sk-", "rpa_"];
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, start)) =
        STARTS.iter().filter_map(|start| rest.find(start).map(|at| (at, *start))).min_by_key(|(at, _)| *at)
    {
        let (before, token) = rest.split_at(at);
        let end = token
            .char_indices()
            .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .map_or(token.len(), |(end, _)| end);
        let (token, after) = token.split_at(end);
        let starts_a_word = !before.ends_with(|c: char| c.is_ascii_alphanumeric());
        out.push_str(before);
        if starts_a_word && token.len() >= start.len() + 16 {
            out.push_str("[redacted]");
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_hold_no_tokens() {
        let log = "one\n\ntwo hf_ABCDEFGHIJKLMNOPQRSTUVWXYZ12 end\nimport hf_hub_download\nask-me sk-abcdefghijklmnopqrstuv\n";
        assert_eq!(last_lines(log, 3), "two [redacted] end\nimport hf_hub_download\nask-me [redacted]");
        assert_eq!(last_lines("", 5), "");
    }

    #[test]
    fn an_endpoint_never_shows_its_key() {
        let mut endpoint = Endpoint::direct(Url::parse("http://127.0.0.1:8000").unwrap());
        endpoint.api_key = Some("very-secret".into());
        assert!(!format!("{endpoint:?} {endpoint}").contains("very-secret"));
        assert!(!serde_json::to_string(&endpoint).unwrap().contains("very-secret"));
        assert_eq!(endpoint.to_string(), "http://127.0.0.1:8000");
    }
}
