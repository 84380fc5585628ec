//! Opening the database: `DATABASE_URL` where it is set, else the embedded PostgreSQL; then the schema.

use std::{
    collections::VecDeque,
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{PgPool, postgres::PgConnectOptions};

use super::{CliError, Exit, signals::Stop};
use crate::{
    config::Config,
    embedded_pg::{self, EmbeddedPg},
    store::{self, database},
};

/// How often an embedded server is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// It is started again so many times within this long.
const MOST_RESTARTS: usize = 5;
const RESTARTS_WITHIN: Duration = Duration::from_mins(10);

/// Connections a process opens at most: a listener and a fetcher a queue, one a step, and the follower's.
const MAX_CONNECTIONS: u32 = 16;

/// An open database. End it with [`Database::close`], so that the embedded server stops with its last user.
#[derive(Debug)]
pub struct Database {
    /// The connections.
    pub pool: PgPool,
    /// Version of the server, as it says it.
    server: String,
    /// The newest migration.
    schema: i64,
    embedded: Option<EmbeddedPg>,
}

impl Database {
    /// Opens the database and brings its schema up to date. Asked to stop meanwhile, it finishes that and closes again,
    /// so that no server is left behind.
    ///
    /// # Errors
    /// Exit 3, with what to do, when it can't be reached, started, or is too old or too new; exit 130 when interrupted.
    pub async fn open(config: &Config) -> Result<Self, CliError> {
        let mut stop = Stop::new()?;
        let opening = Self::open_whole(config);
        tokio::pin!(opening);
        tokio::select! {
            opened = &mut opening => opened,
            () = stop.asked() => {
                if let Ok(database) = opening.await {
                    database.close().await;
                }
                Err(CliError::new(Exit::Interrupted, "interrupted before anything was done"))
            }
        }
    }

    async fn open_whole(config: &Config) -> Result<Self, CliError> {
        let Some(url) = &config.database.url else {
            let settings = embedded_pg::Settings {
                data_dir: config.data.dir.clone(),
                pg_bin: config.data.pg_bin.clone(),
            };
            let server = embedded_pg::start(&settings).await.map_err(|error| {
                CliError::environment(format!("the embedded PostgreSQL can't be used: {error}"))
            })?;
            return match connect(server.connect_options(), "the embedded PostgreSQL").await {
                Ok((pool, version, schema)) => {
                    Ok(Self { pool, server: version, schema, embedded: Some(server) })
                }
                Err(error) => {
                    let _ = server.shut_down().await;
                    Err(error)
                }
            };
        };
        let options = options(url.expose())?;
        let place = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
        let (pool, server, schema) = connect(options, &place)
            .await
            .map_err(|error| error.hint("correct DATABASE_URL, or unset it to use a private PostgreSQL"))?;
        Ok(Self { pool, server, schema, embedded: None })
    }

    /// What the database is, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.embedded {
            Some(server) => server.status_line(),
            None => format!("PostgreSQL {} (DATABASE_URL)", self.server),
        }
    }

    /// The server's version, as it says it.
    #[must_use]
    pub fn server_version(&self) -> &str {
        &self.server
    }

    /// Number of the newest migration.
    #[must_use]
    pub const fn schema(&self) -> i64 {
        self.schema
    }

    /// Looks after the embedded server: one that died is started again, a few times. Returns only when that is no use any
    /// more. Somebody else's server is looked after by others.
    pub async fn keep_up(&self) -> CliError {
        let Some(server) = &self.embedded else { return std::future::pending().await };
        let mut revived = VecDeque::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if server.is_up() {
                continue;
            }
            revived.retain(|at: &Instant| at.elapsed() < RESTARTS_WITHIN);
            if revived.len() >= MOST_RESTARTS {
                return CliError::environment(format!(
                    "the embedded PostgreSQL died {} times within {} minutes",
                    revived.len() + 1,
                    RESTARTS_WITHIN.as_secs() / 60
                ))
                .hint("see postgres/server.log in the data folder; runs go on where they are with the next start");
            }
            tracing::warn!(server = %server.status_line(), "the embedded PostgreSQL died: starting it again");
            revived.push_back(Instant::now());
            if let Err(error) = server.revive().await {
                return CliError::environment(format!("the embedded PostgreSQL died, and can't be started: {error}"))
                    .hint("see postgres/server.log in the data folder; runs go on where they are with the next start");
            }
        }
    }

    /// Closes the connections and, if we are the last, stops the embedded server.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(server) = self.embedded
            && let Err(error) = server.shut_down().await
        {
            tracing::warn!(%error, "the embedded PostgreSQL could not be stopped");
        }
    }
}

/// Reads `DATABASE_URL`. No message of it repeats the URL: it may hold a password.
fn options(url: &str) -> Result<PgConnectOptions, CliError> {
    let bad = |reason: String| {
        CliError::usage(format!("DATABASE_URL can't be read: {reason}")).hint(
            "write it as postgres://user:password@host:port/name, with / and @ in a password as %2F and %40",
        )
    };
    let parsed = url::Url::parse(url).map_err(|error| bad(error.to_string()))?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(bad(format!(
            "it begins with {}:, and PostgreSQL is all that is spoken here",
            parsed.scheme()
        )));
    }
    PgConnectOptions::from_str(url).map_err(|error| match error {
        sqlx::Error::Configuration(reason) => bad(reason.to_string()),
        other => bad(other.to_string()),
    })
}

/// The connections, the server's version and the newest migration.
async fn connect(options: PgConnectOptions, place: &str) -> Result<(PgPool, String, i64), CliError> {
    let explain = |error: store::Error| CliError::environment(format!("{place} can't be used: {error}"));
    let pool = database::connect(options, MAX_CONNECTIONS).await.map_err(explain)?;
    database::migrate(&pool).await.map_err(explain)?;
    let (server, schema) = database::describe(&pool).await.map_err(explain)?;
    Ok((pool, server, schema))
}

impl From<store::Error> for CliError {
    fn from(error: store::Error) -> Self {
        Self::environment(format!("the database failed: {error}")).hint("run `dria-bench doctor`")
    }
}

impl From<sqlx::Error> for CliError {
    fn from(error: sqlx::Error) -> Self {
        store::Error::from(error).into()
    }
}

impl From<crate::ledger::Error> for CliError {
    fn from(error: crate::ledger::Error) -> Self {
        match error {
            crate::ledger::Error::Store(error) => error.into(),
            crate::ledger::Error::Queue(error) => Self::environment(error.to_string()),
            crate::ledger::Error::Refused(message) | crate::ledger::Error::Unknown(message) => {
                Self::failed(message)
            }
            crate::ledger::Error::NoRun(_) => Self::failed(error.to_string()).hint("dria-bench runs list"),
            crate::ledger::Error::NoMatrix(_) => {
                Self::failed(error.to_string()).hint("dria-bench matrices list")
            }
            crate::ledger::Error::NoSchedule(_) => Self::failed(error.to_string())
                .hint("dria-bench schedules list; dria-bench schedules sync reads their files"),
            crate::ledger::Error::Definitions(error) => super::workflows::explain(&error),
            crate::ledger::Error::Matrix(error) => Self::usage(error.to_string()),
        }
    }
}
