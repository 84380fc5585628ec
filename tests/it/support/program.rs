//! The real program, as people run it: its arguments, its output line by line, signals, and how it ended.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use dria_bench::provider::{LocalProvider, LocalSettings, Provider};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::database::{TestDatabase, public_folder};

/// How long anything awaited may take: much longer than it does, and shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the program keeps its things: a data folder, and a database.
pub(crate) struct Bench {
    pub(crate) database: TestDatabase,
    folder: tempfile::TempDir,
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; `None`: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Its output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A program that knows nothing of the environment the tests run in.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dria-bench"));
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn end_of(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self { database: TestDatabase::new().await, folder: public_folder() }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The program on this database and data folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = program();
        // No test asks a cloud, not even one that runs while a schedule fires.
        for source in dria_bench::prices::sources::ALL {
            command.env(format!("PRICE_{}_URL", source.name().to_uppercase()), "http://127.0.0.1:1");
        }
        command
            .args(arguments.split_whitespace())
            .env("DATABASE_URL", &self.database.url)
            .env("DRIA_BENCH_DATA_DIR", self.data_dir())
            .env("DRIA_BENCH_WORKER_HEARTBEAT_MS", "500")
            .env("DRIA_BENCH_WORKER_SWEEPER_MS", "500");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &str) -> Ended {
        end_of(&mut self.command(arguments))
    }

    /// Starts a command and listens to its stderr.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// Kills the engine of this bench, as a crash would. It must be there.
    pub(crate) async fn kill_engine(&self) {
        let engines = self.engines().await;
        assert_eq!(engines.len(), 1, "{engines:?}");
        for pid in engines {
            kill(pid, Signal::SIGKILL).unwrap();
        }
    }

    async fn engines(&self) -> Vec<Pid> {
        let provider = LocalProvider::new(LocalSettings::new(self.data_dir().to_owned()));
        let pods = provider.list(&format!("dria-{}-", self.database.deployment)).await.unwrap();
        let processes = pods.iter().map(|pod| pod.external_id.split(':').next().unwrap().parse().unwrap());
        processes.map(Pid::from_raw).collect()
    }

    /// Waits until no process works on the data folder any more.
    pub(crate) async fn wait_for_background_workers(&self) {
        let asked = Instant::now();
        while processes_with(self.data_dir()) > 0 {
            assert!(asked.elapsed() < PATIENCE, "a background worker never ended");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Processes whose command line names the folder.
fn processes_with(folder: &Path) -> usize {
    let folder = folder.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let named = processes.filter(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder))
    });
    named.count()
}

/// A command under way.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let mut out = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = out.read_to_string(&mut text);
            text
        });
        Self { child, lines, said: Vec::new(), stdout: Some(stdout) }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Waits for a line of stderr that holds all of this.
    pub(crate) fn wait_for(&mut self, parts: &[&str]) -> String {
        let asked = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(asked.elapsed())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if parts.iter().all(|part| line.contains(part)) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("{parts:?} was never said: {:#?}", self.said),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {parts:?}: {:#?}", self.said),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Kills it and waits until it is dead.
    pub(crate) fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end. What was said before is in its stderr too.
    pub(crate) fn end(mut self) -> Ended {
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < PATIENCE, "it never ended: {:#?}", self.said);
            std::thread::sleep(Duration::from_millis(20));
        };
        self.said.extend(self.lines.iter());
        let stdout = self.stdout.take().map(|stdout| stdout.join().unwrap()).unwrap_or_default();
        Ended { code: status.code(), stdout, stderr: self.said.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of a file with this content in a folder of its own.
pub(crate) fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
