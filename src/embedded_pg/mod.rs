//! A private PostgreSQL for a machine that has no `DATABASE_URL`: a cluster in the data folder, on whatever
//! PostgreSQL programs are installed, shared by every dria-bench process that uses that folder.
//!
//! The first process that needs it makes the cluster and starts the server; later ones connect to it; the last one
//! out stops it. Everything that can be killed may be killed at any time: a server that outlived its user is used
//! again, a dead one is started (PostgreSQL recovers by itself, `fsync` is on), a half-made cluster is made anew.
//! It knows nothing of tables: migrations are the store's.

mod account;
mod binaries;
mod cluster;
mod error;
mod lock;
mod postmaster;
mod server;

use std::path::{Path, PathBuf};

use sqlx::{Connection, postgres::PgConnectOptions};

use crate::config::Secret;

use self::{account::Account, binaries::Binaries, cluster::Cluster, lock::LockFile};

pub use self::error::Error;

/// Name of the database in the cluster.
pub const DATABASE: &str = "dria_bench";

/// Where the cluster is, and on which programs it runs.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The data folder; the cluster is in `postgres/` under it.
    pub data_dir: PathBuf,
    /// Folder of `initdb`, `postgres` and `pg_ctl`; `None`: search.
    pub pg_bin: Option<PathBuf>,
}

/// A running embedded server that this process uses. While it lives nobody else stops the server.
///
/// Dropped without [`EmbeddedPg::shut_down`], the server stays up, and the next process out stops it.
#[derive(Debug)]
pub struct EmbeddedPg {
    cluster: Cluster,
    binaries: Binaries,
    account: Account,
    users: LockFile,
    port: u16,
    password: Secret,
}

/// Makes the cluster if there is none, starts its server if it doesn't run, and joins its users.
///
/// # Errors
/// See [`Error`]: no programs, a wrong version, a folder that can't be used, a full disk, a server that won't start.
pub async fn start(settings: &Settings) -> Result<EmbeddedPg, Error> {
    let cluster = Cluster::in_data_dir(&settings.data_dir)?;
    let account = Account::choose(&cluster.data())?;
    account.check_enterable(cluster.home())?;
    let starting = LockFile::open(&cluster.start_lock())?;
    let users = LockFile::open(&cluster.users_lock())?;
    starting.exclusive().await?;

    cluster.remove_leftovers()?;
    let data = cluster.data();
    let made_by = cluster.major()?;
    let data_dir = cluster.home().parent().unwrap_or(cluster.home());
    let made_by_in: Option<(u32, &Path)> = made_by.map(|major| (major, data.as_path()));
    let binaries = binaries::find(settings.pg_bin.as_deref(), data_dir, made_by_in, &account).await?;
    if made_by.is_none() {
        cluster.initialise(&binaries, &account).await?;
    }
    let mut port = server::same_port(&cluster);
    let live = server::ensure(&cluster, &binaries, &account, &mut port).await?;
    let password = Secret::new(cluster.password()?);
    users.shared().await?;
    let pg = EmbeddedPg { cluster, binaries, account, users, port: live.port, password };
    match pg.ensure_database().await {
        Ok(()) => Ok(pg),
        Err(error) => {
            // Whoever starts a server that is no use stops it again; why it is no use is the news.
            if let Err(stop) = pg.stop_if_last().await {
                tracing::warn!(error = %stop, "the database server was left running");
            }
            Err(error)
        }
    }
}

impl EmbeddedPg {
    /// How to open a session with the database. Holds the password.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        server::options(self.port, self.password.expose(), DATABASE)
    }

    /// The same as a URL, for child processes. Holds the password: never log it.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://{}:{}@127.0.0.1:{}/{DATABASE}?sslmode=disable",
            cluster::ROLE,
            self.password.expose(),
            self.port
        )
    }

    /// One line for people: version, port, folder.
    #[must_use]
    pub fn status_line(&self) -> String {
        format!(
            "PostgreSQL {} on 127.0.0.1:{} (embedded, {})",
            self.binaries.version,
            self.port,
            self.cluster.data().display()
        )
    }

    /// Whether the server is there. One that starts or recovers is.
    #[must_use]
    pub fn is_up(&self) -> bool {
        postmaster::running(&self.cluster).is_some()
    }

    /// Starts the server again where it died; PostgreSQL recovers by itself. It is where it was before, so that sessions are
    /// opened anew as after any restart.
    ///
    /// # Errors
    /// When it doesn't start, or somebody else has its port by now.
    pub async fn revive(&self) -> Result<(), Error> {
        let starting = LockFile::open(&self.cluster.start_lock())?;
        starting.exclusive().await?;
        let mut port = || Ok(self.port);
        server::ensure(&self.cluster, &self.binaries, &self.account, &mut port).await?;
        Ok(())
    }

    /// Leaves; the last user out stops the server. Close every session first: the stop ends those left.
    ///
    /// `true`: we were the last and it is stopped.
    ///
    /// # Errors
    /// When the server does not stop, or its folder went away.
    pub async fn shut_down(self) -> Result<bool, Error> {
        let starting = LockFile::open(&self.cluster.start_lock())?;
        starting.exclusive().await?;
        self.stop_if_last().await
    }

    /// The caller holds the start lock, so nobody joins meanwhile.
    async fn stop_if_last(&self) -> Result<bool, Error> {
        self.users.release()?;
        if !self.users.try_exclusive()? {
            return Ok(false);
        }
        server::stop(&self.cluster, &self.binaries, &self.account).await?;
        Ok(true)
    }

    async fn ensure_database(&self) -> Result<(), Error> {
        let mut session = server::connect(&server::options(self.port, self.password.expose(), "postgres"))
            .await
            .map_err(Error::Session)?;
        let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut session)
            .await
            .map_err(Error::Session)?;
        if !there {
            let extensions: Vec<String> =
                sqlx::query_scalar("select name::text from pg_available_extensions")
                    .fetch_all(&mut session)
                    .await
                    .map_err(Error::Session)?;
            let missing = binaries::missing_extensions(|name| extensions.iter().any(|known| known == name));
            if !missing.is_empty() {
                return Err(Error::NoExtensions { bin: self.binaries.bin.clone(), missing });
            }
            sqlx::query("create database dria_bench").execute(&mut session).await.map_err(Error::Session)?;
        }
        session.close().await.map_err(Error::Session)
    }
}
