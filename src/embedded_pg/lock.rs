//! The two locks of a cluster folder.
//!
//! `start.lock` is held, exclusively, by whoever initialises, starts or stops the server. `users.lock` is held,
//! shared, for life by every process that uses the server: who can take it exclusively is alone. Both are
//! `flock`s, so the kernel drops them with a process however it ends, and children don't inherit them.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::Error;

/// How long to wait for another process that starts or stops the server (crash recovery can take a while).
const PATIENCE: Duration = Duration::from_mins(3);
/// How often to look.
const POLL: Duration = Duration::from_millis(25);

/// One lock file of a cluster folder.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Opens (and creates) the file without locking it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::folder(path, "opened"))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Takes the lock for ourselves alone, waiting for whoever has it.
    pub(super) async fn exclusive(&self) -> Result<(), Error> {
        self.wait(File::try_lock).await
    }

    /// Takes the lock together with others.
    pub(super) async fn shared(&self) -> Result<(), Error> {
        self.wait(File::try_lock_shared).await
    }

    /// Whether nobody else holds the lock; if so it is ours alone now.
    pub(super) fn try_exclusive(&self) -> Result<bool, Error> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(Error::folder(&self.path, "locked")(source)),
        }
    }

    /// Gives the lock back.
    pub(super) fn release(&self) -> Result<(), Error> {
        self.file.unlock().map_err(Error::folder(&self.path, "unlocked"))
    }

    async fn wait(&self, take: impl Fn(&File) -> Result<(), TryLockError>) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            match take(&self.file) {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(source)) => return Err(Error::folder(&self.path, "locked")(source)),
                Err(TryLockError::WouldBlock) if started.elapsed() > PATIENCE => {
                    let folder = self.path.parent().unwrap_or(&self.path).to_owned();
                    return Err(Error::Busy { folder, seconds: PATIENCE.as_secs() });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
            }
        }
    }
}
