//! This machine. The machine is always there; an engine is a process group that we start, find again and end.
//!
//! An engine outlives the worker that started it, so that the next worker can go on with it; it ends when it is
//! destroyed. Several workers may share the machine: a lock a name keeps them from starting one twice.

mod files;
mod ports;
mod processes;
mod spawn;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use self::{
    files::{EngineFiles, Record},
    processes::{Process, Snapshot, parse_external_id},
};
use super::{
    Endpoint, EngineRequest, GpuSampler, Liveness, Machine, MachineRequest, Provider, ProviderPod,
    RunningEngine, facts,
};
use crate::domain::{failure::Failure, kinds::ProviderKind};

/// Log lines kept with a failure.
const TAIL_LINES: usize = 20;
/// How often the process table is read again while something is awaited.
const RESCAN: Duration = Duration::from_millis(50);
/// How long another worker may take to start an engine before we give up waiting for it.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// How the local provider works.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// The data folder; engines' logs are in `engines/` below it.
    pub data_dir: PathBuf,
    /// The program that lists NVIDIA GPUs.
    pub nvidia_smi: PathBuf,
    /// How long a start is watched for an immediate end. A later one is seen by `engine_alive`.
    pub start_watch: Duration,
    /// How long an engine may take to end by itself when asked to, before it is killed.
    pub stop_grace: Duration,
    /// How long a killed engine may take to vanish before `destroy` fails.
    pub kill_grace: Duration,
}

impl LocalSettings {
    /// The defaults for this data folder.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            nvidia_smi: PathBuf::from("nvidia-smi"),
            start_watch: Duration::from_millis(400),
            stop_grace: Duration::from_secs(5),
            kill_grace: Duration::from_secs(15),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct LocalProvider {
    settings: LocalSettings,
    /// How engines that this process started ended, by name. Others' ends can't be seen, only that they are gone.
    exits: Mutex<HashMap<String, (u32, spawn::Exit)>>,
}

impl LocalProvider {
    /// A provider for this machine.
    #[must_use]
    pub fn new(settings: LocalSettings) -> Self {
        Self { settings, exits: Mutex::new(HashMap::new()) }
    }

    fn files(&self, name: &str) -> Result<EngineFiles, Failure> {
        EngineFiles::new(&self.settings.data_dir, name)
    }

    fn exit_of(&self, name: &str, pid: Option<u32>) -> Option<String> {
        let exits = self.exits.lock().unwrap_or_else(PoisonError::into_inner);
        let (started, exit) = exits.get(name)?;
        if pid.is_some_and(|pid| pid != *started) {
            return None;
        }
        let status = *exit.borrow();
        status.map(spawn::describe)
    }

    async fn start(&self, request: &EngineRequest, files: &EngineFiles) -> Result<RunningEngine, Failure> {
        let build = request.command.as_ref().ok_or_else(|| {
            Failure::permanent("bad_request", "the local provider needs the command that starts the engine")
        })?;
        let port = ports::choose(request.port)?;
        let command = build(port)?;
        // From here on a record that is there is of this start, never of the one before.
        files.remove_record().map_err(host_error)?;
        let log = files.new_log().map_err(host_error)?;
        let (pid, exit) = spawn::spawn(&command, &request.name, port, &log).map_err(|error| {
            Failure::permanent(
                if error.kind() == io::ErrorKind::NotFound { "engine_missing" } else { "host_error" },
                format!("{} can't be started: {error}", command.program.display()),
            )
        })?;
        tracing::info!(pod = %request.name, pid, port, program = %command.program.display(), "engine started");
        let mut watched = exit.clone();
        self.exits.lock().unwrap_or_else(PoisonError::into_inner).insert(request.name.clone(), (pid, exit));
        let start_time = snapshot().await?.start_time(pid);
        if let Some(start_time) = start_time {
            files.write_record(&Record { pid, start_time, port }).map_err(host_error)?;
        }
        let ended = tokio::time::timeout(self.settings.start_watch, watched.wait_for(Option::is_some)).await;
        let (Some(start_time), Err(_)) = (start_time, ended) else {
            return Err(self.exited_at_once(&request.name, pid, files));
        };
        Ok(RunningEngine {
            external_id: Some(format!("{pid}:{start_time}")),
            endpoint: endpoint(port)?,
            started_now: true,
            command: Some(command),
            log: Some(files.log_path()),
        })
    }

    fn exited_at_once(&self, name: &str, pid: u32, files: &EngineFiles) -> Failure {
        let how = self.exit_of(name, Some(pid)).unwrap_or_else(|| "ended".to_owned());
        let tail = files.log_tail(TAIL_LINES).unwrap_or_default();
        let shown =
            if tail.is_empty() { "Its log is empty.".to_owned() } else { format!("Its last lines:\n{tail}") };
        Failure::permanent("engine_exited", format!("the engine {how} as soon as it was started. {shown}"))
            .with_details(json!({ "log_tail": tail }))
    }

    /// Ends everything of the name and waits until nothing is left.
    async fn end(&self, name: &str, files: &EngineFiles) -> Result<(), Failure> {
        let asked = Instant::now();
        let kill_at = asked + self.settings.stop_grace;
        let give_up_at = kill_at + self.settings.kill_grace;
        let mut told: HashMap<u32, Signal> = HashMap::new();
        loop {
            let record = files.record();
            let snapshot = snapshot().await?;
            let members = snapshot.members(name, record.as_ref());
            if members.is_empty() {
                return Ok(());
            }
            let now = Instant::now();
            if now >= give_up_at {
                let pids: Vec<String> = members.iter().map(|process| process.pid.to_string()).collect();
                return Err(Failure::transient(
                    "engine_not_stopped",
                    format!(
                        "processes {} of {name} don't end even when killed; trying again may help",
                        pids.join(", ")
                    ),
                ));
            }
            let signal = if now >= kill_at { Signal::SIGKILL } else { Signal::SIGTERM };
            // Each is asked once, but killed at every look: one that forks faster than we look must lose.
            let due: Vec<&Process> = members
                .into_iter()
                .filter(|process| signal == Signal::SIGKILL || !told.contains_key(&process.pid))
                .collect();
            told.extend(due.iter().map(|process| (process.pid, signal)));
            snapshot.signal(&due, signal)?;
            tokio::time::sleep(RESCAN).await;
        }
    }
}

#[async_trait]
impl Provider for LocalProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Local
    }

    async fn ensure_machine(&self, request: &MachineRequest) -> Result<Machine, Failure> {
        self.files(&request.name)?;
        if let Some(program) = request.program.as_ref().filter(|program| !program.is_file()) {
            return Err(Failure::permanent(
                "engine_missing",
                format!("the engine's program isn't at {} (any more): install it again", program.display()),
            ));
        }
        let LocalSettings { data_dir, nvidia_smi, .. } = self.settings.clone();
        let facts = blocking(move || {
            std::fs::create_dir_all(data_dir.join("engines")).map_err(host_error)?;
            Ok(facts::gather(&data_dir, &nvidia_smi))
        })
        .await?;
        if let Some(free) = facts.disk_free_bytes.filter(|free| *free < request.disk_needed_bytes) {
            let gb = |bytes: u64| bytes as f64 / 1e9;
            return Err(Failure::permanent(
                "disk_full",
                format!(
                    "{:.1} GB are free where {} is, {:.1} GB are needed: free some, or use another --data-dir",
                    gb(free),
                    self.settings.data_dir.display(),
                    gb(request.disk_needed_bytes)
                ),
            ));
        }
        Ok(Machine {
            external_id: None,
            ready: true,
            facts,
            endpoint: None,
            price_usd_per_hour: None,
            rented: None,
        })
    }

    fn sample_gpus(&self, _name: &str, every: Duration) -> Option<GpuSampler> {
        GpuSampler::start(&self.settings.nvidia_smi, every)
    }

    async fn ensure_engine(&self, request: &EngineRequest) -> Result<RunningEngine, Failure> {
        let files = self.files(&request.name)?;
        let Some(_lock) = files.lock(LOCK_PATIENCE).await.map_err(host_error)? else {
            return Err(Failure::transient(
                "host_error",
                format!(
                    "another worker has been starting or stopping {} for long; trying again",
                    request.name
                ),
            ));
        };
        let record = files.record();
        let snapshot = snapshot().await?;
        if let Some(leader) = snapshot.leader(&request.name, record.as_ref()) {
            let port = leader.port.or_else(|| record.as_ref().map(|record| record.port));
            if let Some(port) = port {
                let adopted = Record { pid: leader.pid, start_time: leader.start_time, port };
                if record.as_ref() != Some(&adopted) {
                    files.write_record(&adopted).map_err(host_error)?;
                }
                return Ok(RunningEngine {
                    external_id: Some(leader.external_id()),
                    endpoint: endpoint(port)?,
                    started_now: false,
                    command: None,
                    log: Some(files.log_path()),
                });
            }
        }
        // What an engine leaves behind when only its first process dies holds memory and perhaps the port.
        self.end(&request.name, &files).await?;
        self.start(request, &files).await
    }

    async fn engine_alive(&self, name: &str, external_id: Option<&str>) -> Result<Liveness, Failure> {
        let files = self.files(name)?;
        let snapshot = snapshot().await?;
        let known = external_id.and_then(parse_external_id);
        let process = match known {
            Some((pid, start_time)) => snapshot
                .get(pid, start_time)
                .filter(|process| process.name.as_deref().is_none_or(|found| found == name)),
            None => snapshot.leader(name, files.record().as_ref()),
        };
        if process.is_some() {
            return Ok(Liveness::Alive);
        }
        let pid = known.map(|(pid, _)| pid);
        let reason = self.exit_of(name, pid).unwrap_or_else(|| match pid {
            Some(pid) if snapshot.has_pid(pid) => {
                format!("its process is gone (another has its pid {pid} now)")
            }
            _ => "its process is gone".to_owned(),
        });
        let log_tail = blocking(move || files.log_tail(TAIL_LINES).map_err(host_error)).await?;
        Ok(Liveness::Gone { reason, log_tail })
    }

    async fn logs(&self, name: &str, lines: usize) -> Result<String, Failure> {
        let files = self.files(name)?;
        blocking(move || files.log_tail(lines).map_err(host_error)).await
    }

    async fn destroy(&self, name: &str, _external_id: Option<&str>) -> Result<(), Failure> {
        let files = self.files(name)?;
        // A worker that hangs with the lock in its hands must not keep a teardown from happening.
        let _lock = files.lock(self.settings.stop_grace).await.map_err(host_error)?;
        self.end(name, &files).await?;
        files.remove_record().map_err(host_error)?;
        self.exits.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ProviderPod>, Failure> {
        let snapshot = snapshot().await?;
        let pods = snapshot.named(prefix).into_iter();
        Ok(pods
            .map(|(name, process)| ProviderPod { name, external_id: process.external_id(), rented: None })
            .collect())
    }
}

fn endpoint(port: u16) -> Result<Endpoint, Failure> {
    Url::parse(&format!("http://127.0.0.1:{port}/"))
        .map(Endpoint::direct)
        .map_err(|error| Failure::permanent("host_error", format!("port {port} makes no URL: {error}")))
}

async fn snapshot() -> Result<Snapshot, Failure> {
    blocking(Snapshot::take).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::transient("host_error", format!("the work was cut short: {error}")))?
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn host_error(error: io::Error) -> Failure {
    Failure::transient("host_error", format!("the data folder's `engines` can't be used: {error}"))
}
