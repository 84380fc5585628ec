//! What can go wrong with the embedded cluster, each with what to do next.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the embedded PostgreSQL can't be used. Every message ends with the next action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL programs on this machine.
    #[error(
        "no usable PostgreSQL ({} or newer) was found:\n{}\nInstall it (Debian, Ubuntu: `apt-get install postgresql \
         postgresql-contrib`; Fedora: `dnf install postgresql-server postgresql-contrib`; macOS: `brew install \
         postgresql@17`), or point PG_BIN at the folder of its programs, or set DATABASE_URL to a server you have",
        super::binaries::OLDEST_MAJOR, list(.tried)
    )]
    NoBinaries {
        /// Where we looked and why it didn't do.
        tried: Vec<String>,
    },
    /// The cluster in the data folder is of a major version that isn't installed.
    #[error(
        "the database in {} was made by PostgreSQL {cluster}, and only {} is installed here. Install PostgreSQL \
         {cluster} (or point PG_BIN at it), or start with a fresh --data-dir",
        .folder.display(), .found.join(", ")
    )]
    WrongVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// Major version in its `PG_VERSION`.
        cluster: u32,
        /// Versions that were found.
        found: Vec<String>,
    },
    /// The server lacks extensions that the job queue needs.
    #[error(
        "PostgreSQL in {} has no {}. Install its contrib package (Debian, Ubuntu: `apt-get install \
         postgresql-contrib`)", .bin.display(), .missing.join(" and ")
    )]
    NoExtensions {
        /// Folder of the programs.
        bin: PathBuf,
        /// Names of the extensions.
        missing: Vec<String>,
    },
    /// A file or folder of the cluster can't be read or written.
    #[error("{} can't be {action}: {source}. {}", .path.display(), hint(.source))]
    Folder {
        /// What was tried.
        path: PathBuf,
        /// `created`, `read`, …
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The path can't be handed to PostgreSQL.
    #[error("{} can't hold a database: {reason}. Choose another --data-dir", .path.display())]
    UnusablePath {
        /// The data folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// PostgreSQL doesn't run as root, and the user it would run as can't get to the folder.
    #[error(
        "PostgreSQL doesn't run as root, and user {user} (who would run it) can't enter {}. Use a --data-dir under \
         a folder that everybody may enter (the default, /var/lib/dria-bench, is one), or `chmod o+x {}`",
        .folder.display(), .folder.display()
    )]
    NotEnterable {
        /// The user.
        user: String,
        /// The first folder on the way that they can't enter.
        folder: PathBuf,
    },
    /// There is no user to drop to.
    #[error(
        "PostgreSQL doesn't run as root, and this machine has neither a user postgres nor nobody. Create one \
         (`useradd --system postgres`), or start dria-bench as an ordinary user"
    )]
    NoAccount,
    /// The cluster belongs to another user.
    #[error(
        "the database in {} belongs to user {owner}. Start dria-bench as that user, or choose another --data-dir",
        .folder.display()
    )]
    NotOurs {
        /// The cluster's folder.
        folder: PathBuf,
        /// Name or number of its owner.
        owner: String,
    },
    /// The folder exists, but isn't a complete cluster.
    #[error(
        "{} isn't a complete database ({reason}). Restore it from a backup, or move it away to start afresh",
        .folder.display()
    )]
    Damaged {
        /// The cluster's folder.
        folder: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The disk is full.
    #[error("no space left on the disk of {}: {detail}. Free some (a new database needs about 60 MB)", .folder.display())]
    DiskFull {
        /// The cluster's folder.
        folder: PathBuf,
        /// PostgreSQL's words.
        detail: String,
    },
    /// `initdb` failed.
    #[error("PostgreSQL could not set up a database in {}: {detail}", .folder.display())]
    Init {
        /// The cluster's folder.
        folder: PathBuf,
        /// Its last lines.
        detail: String,
    },
    /// The server doesn't start.
    #[error("PostgreSQL does not start ({detail}). The end of its log, {}:\n{tail}", .log.display())]
    Start {
        /// What `pg_ctl` said.
        detail: String,
        /// Path of the log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server doesn't stop.
    #[error("PostgreSQL in {} does not stop: {detail}. Stop it with `pg_ctl -D {} stop`", .folder.display(), .folder.display())]
    Stop {
        /// The cluster's folder.
        folder: PathBuf,
        /// What `pg_ctl` said.
        detail: String,
    },
    /// A program of PostgreSQL can't be started or doesn't end.
    #[error("{} {reason}. Check that installation of PostgreSQL, or point PG_BIN at another", .program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
    },
    /// Another process has been starting or stopping the server for too long.
    #[error(
        "another dria-bench has been starting or stopping the database in {} for over {seconds} s. Wait for it, or \
         end it and try again", .folder.display()
    )]
    Busy {
        /// The cluster's folder.
        folder: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// The server runs, but a session with it fails.
    #[error(
        "the database server started, but does not answer as it should: {0}. See its log in the data folder"
    )]
    Session(#[source] sqlx::Error),
}

impl Error {
    pub(super) fn folder(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder { path: path.to_owned(), action, source }
    }
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space on that disk",
        io::ErrorKind::ReadOnlyFilesystem => "That disk is read-only: choose another --data-dir",
        io::ErrorKind::PermissionDenied => "Choose a --data-dir that you may write to",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "A file is in the way: choose another --data-dir"
        }
        io::ErrorKind::Unsupported => "That file system has no locks: choose a --data-dir on a local disk",
        _ => "Check the folder and the disk, or choose another --data-dir",
    }
}
