//! The cluster's folder: what is in it, and how it comes to be there whole or not at all.
//!
//! ```text
//! <data dir>/postgres/
//!   start.lock  users.lock     see `lock`
//!   server.log                 what the server says
//!   data/                      the cluster (PGDATA), with `dria_bench.password` (0600) in it
//!   init-<random>/             a cluster being made; renamed to data/ when it is whole
//! ```

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use super::{Error, account::Account, binaries::Binaries};

/// The server's superuser, the only role we use.
pub(super) const ROLE: &str = "dria_bench";
const PASSWORD_FILE: &str = "dria_bench.password";
const INIT_PREFIX: &str = "init-";
const INIT_TIME: Duration = Duration::from_mins(3);
/// The longest data folder that PostgreSQL's own fixed buffers (1024 bytes) surely hold with its file names behind it.
const LONGEST_PATH: usize = 700;

/// Appended to `postgresql.conf`. TCP on the loopback only: a Unix socket's path may have 107 bytes, and a data
/// folder can be deeper than that.
const SETTINGS: &str = "
# dria-bench
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 100
shared_buffers = 128MB
min_wal_size = 32MB
max_wal_size = 512MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_min_duration_statement = -1
log_parameter_max_length_on_error = 0
";

/// Paths of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    home: PathBuf,
}

impl Cluster {
    /// The cluster of this data folder. Makes the folder when it is missing; nothing in it is touched.
    pub(super) fn in_data_dir(data_dir: &Path) -> Result<Self, Error> {
        let data_dir = std::path::absolute(data_dir).map_err(Error::folder(data_dir, "found"))?;
        let home = data_dir.join("postgres");
        if let Some(reason) = unusable(&home) {
            return Err(Error::UnusablePath { path: data_dir, reason });
        }
        for folder in [&data_dir, &home] {
            create_folder(folder)?;
        }
        Ok(Self { home })
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }

    pub(super) fn start_lock(&self) -> PathBuf {
        self.home.join("start.lock")
    }

    pub(super) fn users_lock(&self) -> PathBuf {
        self.home.join("users.lock")
    }

    /// The major version that made the cluster; `None` when there is no cluster yet.
    pub(super) fn major(&self) -> Result<Option<u32>, Error> {
        let data = self.data();
        if !data.exists() {
            return Ok(None);
        }
        let damaged = |reason: &str| Error::Damaged { folder: data.clone(), reason: reason.to_owned() };
        let text =
            fs::read_to_string(data.join("PG_VERSION")).map_err(|_| damaged("PG_VERSION is missing"))?;
        let major = text.trim().parse().map_err(|_| damaged("PG_VERSION isn't a number"))?;
        if !data.join("global/pg_control").exists() {
            return Err(damaged("global/pg_control is missing"));
        }
        Ok(Some(major))
    }

    /// The role's password.
    pub(super) fn password(&self) -> Result<String, Error> {
        let path = self.data().join(PASSWORD_FILE);
        let text = fs::read_to_string(&path).map_err(Error::folder(&path, "read"))?;
        Ok(text.trim().to_owned())
    }

    /// Removes what an interrupted initialisation left. The caller holds the start lock.
    ///
    /// The `initdb` of a killed process may live on and still be writing there until it notices that its files go
    /// away: what can't be removed yet is in nobody's way, and the next start removes it.
    pub(super) fn remove_leftovers(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.home).map_err(Error::folder(&self.home, "read"))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(INIT_PREFIX) {
                let folder = entry.path();
                tracing::info!(folder = %folder.display(), "removing a half-made database");
                if let Err(error) = fs::remove_dir_all(&folder) {
                    tracing::warn!(folder = %folder.display(), %error, "a half-made database stays for now");
                }
            }
        }
        Ok(())
    }

    /// Makes the cluster in a folder of its own, and puts it in place by a rename: whoever is killed on the way
    /// leaves no half cluster behind. The caller holds the start lock.
    pub(super) async fn initialise(&self, binaries: &Binaries, account: &Account) -> Result<(), Error> {
        account.give(&self.home)?;
        // A name of its own: the `initdb` of a killed process may still be writing to an older one.
        let making = self.home.join(format!("{INIT_PREFIX}{:016x}", rand::random::<u64>()));
        let result = self.initialise_in(&making, binaries, account).await;
        if result.is_err() {
            // Best effort: the next start removes it as well.
            let _ = fs::remove_dir_all(&making);
        }
        result
    }

    async fn initialise_in(
        &self,
        making: &Path,
        binaries: &Binaries,
        account: &Account,
    ) -> Result<(), Error> {
        let password_file = making.join("password");
        let fresh = making.join("data");
        fs::DirBuilder::new().mode(0o700).create(making).map_err(Error::folder(making, "created"))?;
        account.give(making)?;
        write_secret(&password_file, &generate_password())?;
        account.give(&password_file)?;
        tracing::info!(folder = %self.data().display(), version = binaries.version, "making a database");
        self.run_initdb(&fresh, &password_file, binaries, account).await?;
        let conf = fresh.join("postgresql.conf");
        let mut file =
            fs::OpenOptions::new().append(true).open(&conf).map_err(Error::folder(&conf, "opened"))?;
        file.write_all(SETTINGS.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(Error::folder(&conf, "written"))?;
        let kept = fresh.join(PASSWORD_FILE);
        fs::rename(&password_file, &kept).map_err(Error::folder(&kept, "moved"))?;
        sync_folder(&fresh)?;
        fs::rename(&fresh, self.data()).map_err(Error::folder(&fresh, "moved into place"))?;
        sync_folder(&self.home)?;
        fs::remove_dir(making).map_err(Error::folder(making, "removed"))
    }

    async fn run_initdb(
        &self,
        fresh: &Path,
        password_file: &Path,
        binaries: &Binaries,
        account: &Account,
    ) -> Result<(), Error> {
        let program = binaries.program("initdb");
        let output = account
            .command(&program, &self.home)
            .arg("--pgdata")
            .arg(fresh)
            .arg("--pwfile")
            .arg(password_file)
            .args(["--username", ROLE, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
            .args(["--data-checksums", "--no-instructions"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(INIT_TIME, output)
            .await
            .map_err(|_| Error::Init {
                folder: self.home.clone(),
                detail: format!(
                    "initdb did not end within {} s; is the disk very slow?",
                    INIT_TIME.as_secs()
                ),
            })?
            .map_err(|error| Error::Program { program, reason: format!("can't be started: {error}") })?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        if let Some(detail) = disk_full(&words) {
            return Err(Error::DiskFull { folder: self.home.clone(), detail });
        }
        Err(Error::Init { folder: self.home.clone(), detail: last_lines(&words, 6) })
    }
}

/// What PostgreSQL says of a full disk, if that is what it means; a partly written block comes without the system's own
/// message.
pub(super) fn disk_full(words: &str) -> Option<String> {
    let signs = ["No space left on device", "Disk quota exceeded", "Check free disk space"];
    if !signs.iter().any(|sign| words.contains(sign)) {
        return None;
    }
    let telling = words.lines().find(|line| line.contains("could not ")).unwrap_or("the disk is full");
    // Without time, process and severity.
    Some(telling.rsplit_once(":  ").map_or(telling, |(_, text)| text).trim().to_owned())
}

/// The last `count` lines that aren't empty.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Why PostgreSQL couldn't work with this path: `pg_ctl` hands it to a shell in double quotes.
fn unusable(path: &Path) -> Option<String> {
    let Some(text) = path.to_str() else { return Some("its name isn't UTF-8".to_owned()) };
    if text.len() > LONGEST_PATH {
        return Some(format!("its name has {} bytes, more than {LONGEST_PATH}", text.len()));
    }
    let bad = text.chars().find(|c| matches!(c, '"' | '$' | '`' | '\\') || c.is_control())?;
    Some(format!("PostgreSQL's tools don't take {bad:?} in a path"))
}

/// Makes a folder if it is missing: for us alone, or as root for everybody to enter, whatever the umask, since another
/// user runs the server.
fn create_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let mode = if nix::unistd::geteuid().is_root() { 0o755 } else { 0o700 };
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(mode)))
        .map_err(Error::folder(folder, "created"))
}

/// 32 random bytes as hexadecimal digits.
fn generate_password() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

fn write_secret(path: &Path, secret: &str) -> Result<(), Error> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::folder(path, "created"))?;
    file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::folder(path, "written"))
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    fs::File::open(folder).and_then(|file| file.sync_all()).map_err(Error::folder(folder, "synced"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_a_shell_would_read_differently_are_refused() {
        for path in ["/data/$HOME/postgres", "/data/`id`/postgres", "/a\"b/postgres", "/a\nb/postgres"] {
            assert!(unusable(Path::new(path)).is_some(), "{path} was accepted");
        }
        assert_eq!(unusable(Path::new("/home/ann o'neil/daten (neu)/postgres")), None);
        assert!(unusable(Path::new(&format!("/{}", "d/".repeat(400)))).is_some());
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (generate_password(), generate_password());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }

    #[test]
    fn the_last_lines_skip_empty_ones() {
        assert_eq!(last_lines("a\n\nb\n\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
