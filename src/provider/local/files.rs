//! What the local provider keeps in `<data folder>/engines/` about each engine: its log, who it is, and a lock.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::domain::{failure::Failure, launch::last_lines};

/// Most of a log that is read.
const MAX_LOG_BYTES: u64 = 4 << 20;
/// How often a lock that another worker holds is tried.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// Who the engine is, for hosts where a process's environment can't be read, and for children that overwrote theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) pid: u32,
    /// Seconds since the epoch, as the system tells.
    pub(super) start_time: u64,
    pub(super) port: u16,
}

/// The files of one engine.
#[derive(Debug, Clone)]
pub(super) struct EngineFiles {
    folder: PathBuf,
    name: String,
}

impl EngineFiles {
    /// # Errors
    /// `bad_request` for a name that can't be a file's, so that no name leads out of the folder.
    pub(super) fn new(data_dir: &Path, name: &str) -> Result<Self, Failure> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(fits) {
            return Err(Failure::permanent("bad_request", format!("`{name}` can't be a pod's name")));
        }
        Ok(Self { folder: data_dir.join("engines"), name: name.to_owned() })
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.path("log")
    }

    /// A new log; the one before is kept beside it as `.log.1`.
    pub(super) fn new_log(&self) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        match fs::rename(self.log_path(), self.path("log.1")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::create(self.log_path())
    }

    /// The last lines of the log; empty when there is none.
    pub(super) fn log_tail(&self, lines: usize) -> io::Result<String> {
        let mut file = match File::open(self.log_path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)?;
        Ok(last_lines(&String::from_utf8_lossy(&bytes), lines))
    }

    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.path("json")).ok()?).ok()
    }

    /// Written whole or not at all.
    pub(super) fn write_record(&self, record: &Record) -> io::Result<()> {
        let part = self.path("json.part");
        fs::write(&part, serde_json::to_vec(record)?)?;
        fs::rename(part, self.path("json"))
    }

    pub(super) fn remove_record(&self) -> io::Result<()> {
        match fs::remove_file(self.path("json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps other workers from starting or stopping this engine until it is dropped; `None` when one still does
    /// after `patience`. The system lets go of it when its holder dies.
    pub(super) async fn lock(&self, patience: Duration) -> io::Result<Option<File>> {
        fs::create_dir_all(&self.folder)?;
        let file = File::options().create(true).append(true).open(self.path("lock"))?;
        let until = tokio::time::Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= until => return Ok(None),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_RETRY).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in ["", "..", "../x", "a/b", ".hidden", "a b", "a\0b"] {
            assert_eq!(
                EngineFiles::new(Path::new("/data"), name).unwrap_err().code,
                "bad_request",
                "{name:?}"
            );
        }
        assert!(EngineFiles::new(Path::new("/data"), "dria-ab12-run_1-g2.x").is_ok());
    }

    #[tokio::test]
    async fn a_lock_that_is_held_is_waited_for_and_freed_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let files = EngineFiles::new(folder.path(), "x").unwrap();
        let held = files.lock(Duration::ZERO).await.unwrap().unwrap();
        assert!(files.lock(Duration::from_millis(60)).await.unwrap().is_none());
        let waiting = tokio::spawn({
            let files = files.clone();
            async move { files.lock(Duration::from_mins(1)).await.unwrap().is_some() }
        });
        drop(held);
        assert!(waiting.await.unwrap());
    }
}
