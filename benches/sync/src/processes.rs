//! The two processes that are killed: the MongoDB-wire server, on disk, and the sender.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use dria_bench::{config::Secret, prices::sources, sync};

/// How often the sender looks without being told, as it ships.
const POLL: Duration = Duration::from_secs(5);

/// A process that ends with this value.
pub(crate) struct Process(Child);

impl Process {
    /// Ends it without a word, as a crash would.
    pub(crate) fn kill_9(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_9();
    }
}

/// How they are started.
pub(crate) struct Programs {
    pub(crate) dria_bench: PathBuf,
    pub(crate) secantusd: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) postgres: String,
    pub(crate) port: u16,
}

impl Programs {
    /// A port that is free now.
    pub(crate) fn free_port() -> anyhow::Result<u16> {
        Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
    }

    /// The server, with what it stored. Its log is on disk before it answers, as MongoDB's journal is.
    pub(crate) fn server(&self) -> anyhow::Result<Process> {
        let port = self.port.to_string();
        let child = Command::new(&self.secantusd)
            .args(["--host", "127.0.0.1", "--port", &port, "--log-level", "ERROR", "--sync-on-commit"])
            .arg("--storage-path")
            .arg(self.folder.join("mongodb"))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", self.secantusd.display()))?;
        Ok(Process(child))
    }

    pub(crate) fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=secantus", self.port)
    }

    pub(crate) fn settings(&self, database: &str) -> sync::Settings {
        sync::Settings {
            url: Secret::new(self.url()),
            database: database.to_owned(),
            publish_chat_logs: false,
            poll: POLL,
        }
    }

    fn command(&self, arguments: &[&str], database: &str) -> Command {
        let mut command = Command::new(&self.dria_bench);
        command
            .args(arguments)
            .env("DATABASE_URL", &self.postgres)
            .env("DRIA_BENCH_DATA_DIR", &self.folder)
            .env("MONGODB_URL", self.url())
            .env("MONGODB_DATABASE", database)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // No cloud is asked for its prices.
        for source in sources::ALL {
            command.env(format!("PRICE_{}_URL", source.name().to_uppercase()), "http://127.0.0.1:1");
        }
        command
    }

    /// The process that sends, with the settings that ship.
    pub(crate) fn sender(&self, database: &str) -> anyhow::Result<Process> {
        let mut command = self.command(&["scheduler", "--quiet"], database);
        Ok(Process(command.stderr(Stdio::null()).spawn()?))
    }

    /// Sends everything to a database, by the command.
    pub(crate) fn backfill(&self, database: &str) -> anyhow::Result<ExitStatus> {
        Ok(self.command(&["sync", "backfill", "--quiet"], database).status()?)
    }
}
