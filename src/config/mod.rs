//! The settings: `config.default.toml`, overlaid by a file, the environment and flags, in that order.
//!
//! The only place that reads environment variables. One struct per concern; each value remembers where it came from.

mod assistant;
mod error;
mod keys;
mod layers;
mod money;
mod prices;
mod secret;
mod sections;
mod sign_in;

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use self::{
    assistant::Assistant,
    error::Error,
    money::{parse_cap, parse_usd},
    prices::{PriceSource, price_source},
    secret::{REDACTED, Secret},
    sections::{
        Budget, Data, Database, Engines, LlamaCpp, Load, Log, LogFormat, MongoDb, Ollama, PythonEngine,
        Retention, Runpod, Scheduler, Server, Webhooks, Worker,
    },
    sign_in::SignIn,
};

/// The shipped defaults, with a comment on each key.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
/// Names the settings file when `--config` doesn't.
pub const CONFIG_VARIABLE: &str = "DRIA_BENCH_CONFIG";

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The system of record.
    #[serde(default)]
    pub database: Database,
    /// Where results are published.
    pub mongodb: MongoDb,
    /// The data folder.
    pub data: Data,
    /// The HTTP server.
    pub server: Server,
    /// The worker.
    pub worker: Worker,
    /// What makes schedules fire.
    pub scheduler: Scheduler,
    /// How long what nobody needs any more is kept.
    pub retention: Retention,
    /// The load of a run that says nothing else.
    pub load: Load,
    /// Programs of the engines on this machine.
    pub engines: Engines,
    /// RunPod.
    pub runpod: Runpod,
    /// What may be spent.
    #[serde(default)]
    pub budget: Budget,
    /// Messages to others when something happens.
    pub webhooks: Webhooks,
    /// The assistant.
    pub assistant: Assistant,
    /// The log.
    pub log: Log,
    /// Every setting with its value (redacted) and origin.
    #[serde(skip)]
    entries: Vec<Entry>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The built-in defaults.
    Default,
    /// Found on this machine: the data folder of this user, a tool in `.tools`.
    Found,
    /// A settings file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Found => f.write_str("found"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `section.name`.
    pub key: &'static str,
    /// Its value, `***` for a secret; `None`: unset.
    pub value: Option<serde_json::Value>,
    /// Where it came from.
    pub origin: Origin,
    /// The environment variable that overrides it.
    pub variable: &'static str,
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--host`.
    pub host: Option<std::net::IpAddr>,
    /// `--port` of the server.
    pub port: Option<u16>,
}

/// What the machine says, apart from the environment.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Whether we are root.
    pub root: bool,
    /// The project's tool folders that exist, nearest first.
    pub tools: Vec<PathBuf>,
}

impl Config {
    /// The settings in force for this process.
    ///
    /// # Errors
    /// An unreadable or invalid file, an unknown key, a value that won't do: which one, where it came from, and why.
    pub fn load(overrides: &Overrides) -> Result<Self, Error> {
        let environment = environment()?;
        let path = overrides
            .config_file
            .clone()
            .or_else(|| environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from));
        let file = match path {
            Some(path) => match fs::read_to_string(&path) {
                Ok(text) => Some((path, text)),
                Err(source) => {
                    return Err(Error::Unreadable { what: "the settings file".to_owned(), path, source });
                }
            },
            None => None,
        };
        let machine = Machine { root: nix::unistd::geteuid().is_root(), tools: tool_folders() };
        Self::from_parts(
            overrides,
            file.as_ref().map(|(path, text)| (path.as_path(), text.as_str())),
            &environment,
            &machine,
        )
    }

    /// The same from given parts: for tests.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(
        overrides: &Overrides,
        file: Option<(&Path, &str)>,
        environment: &BTreeMap<String, String>,
        machine: &Machine,
    ) -> Result<Self, Error> {
        let mut layers = layers::Layers::defaults()?;
        if let Some((path, text)) = file {
            layers.file(path, text)?;
        }
        layers.environment(environment)?;
        layers.flags(overrides)?;
        layers.found(environment, machine)?;
        let (mut config, entries) = layers.finish()?;
        config.entries = entries;
        Ok(config)
    }

    /// Every setting, in the order of the default file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether anybody set this, be it to its default.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key && entry.origin != Origin::Default)
    }

    /// The log filter for this process: what was set, else by the number of `-v`, else `info` for a `service`
    /// (a server, a worker) and `warn` for a command.
    #[must_use]
    pub fn log_filter(&self, service: bool, verbose: u8) -> String {
        match verbose {
            0 if self.is_set("log.filter") => self.log.filter.clone(),
            // The server's notices are about tables that exist already and the like.
            0 if service => format!("{},sqlx::postgres::notice=error", self.log.filter),
            // A slow disk is a server's concern; a person at a terminal can do nothing with it.
            0 => "warn,sqlx=error".to_owned(),
            1 => "info,sqlx=warn".to_owned(),
            2 => "info,dria_bench=debug".to_owned(),
            _ => "debug,dria_bench=trace".to_owned(),
        }
    }
}

/// The project's tool folders that exist, nearest first: `.tools` in the current folder, and in the folders above
/// our program (`target/demo/dria-bench` is three below the project).
#[must_use]
pub fn tool_folders() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = env::current_dir().into_iter().collect();
    if let Ok(program) = env::current_exe() {
        homes.extend(program.ancestors().skip(1).take(4).map(Path::to_owned));
    }
    let mut folders = Vec::new();
    for folder in homes.into_iter().map(|home| home.join(".tools")) {
        if folder.is_dir() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// Folders that programs are looked for in: the value of `PATH`.
#[must_use]
pub fn search_path() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// Whether traces are to be exported: a collector is named (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>)
/// and the export isn't switched off.
#[must_use]
pub fn exports_traces() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let disabled = env::var_os("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    !disabled && (is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
}

/// Whether the person asked for no colours (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The variables that name a setting (or its file), as text.
fn environment() -> Result<BTreeMap<String, String>, Error> {
    let mut known = BTreeMap::new();
    let names = keys::KEYS
        .iter()
        .flat_map(|key| [Some(key.variable.to_owned()), key.secret.then(|| format!("{}_FILE", key.variable))])
        .flatten()
        .chain([CONFIG_VARIABLE, "HOME", "XDG_DATA_HOME"].map(str::to_owned));
    for name in names {
        if let Some(value) = env::var_os(&name) {
            match value.into_string() {
                Ok(value) => known.insert(name, value),
                Err(_) => return Err(Error::NotText(name)),
            };
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests;
