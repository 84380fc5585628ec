//! Worker processes: the real program, with short leases, killed for certain when the test ends.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{database::TestDatabase, runpod::FakeRunpod};

pub(crate) struct Worker(Child);

impl Worker {
    /// A worker that ends once no run is left.
    pub(crate) fn start(database: &TestDatabase, data_dir: &Path) -> Self {
        Self(Self::command(database, data_dir).spawn().unwrap())
    }

    /// One that may rent at this RunPod.
    pub(crate) fn renting(database: &TestDatabase, data_dir: &Path, fake: &FakeRunpod) -> Self {
        Self(Self::command(database, data_dir).envs(fake.environment()).spawn().unwrap())
    }

    fn command(database: &TestDatabase, data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dria-bench"));
        command
            .args(["worker", "--until-idle", "--quiet"])
            .env("DATABASE_URL", &database.url)
            .env("DRIA_BENCH_DATA_DIR", data_dir)
            .env("DRIA_BENCH_WORKER_LEASE_MS", "3000")
            .env("DRIA_BENCH_WORKER_HEARTBEAT_MS", "500")
            .env("DRIA_BENCH_WORKER_SWEEPER_MS", "500")
            .env("DRIA_BENCH_WORKER_CONCURRENCY", "3")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    pub(crate) fn kill_9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    /// Whether it ended, in order and within two minutes.
    pub(crate) async fn ended(mut self) -> bool {
        for _ in 0..1200 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
