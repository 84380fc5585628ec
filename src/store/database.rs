//! Connecting, and bringing the schema up to date.

use std::time::{Duration, Instant};

use sqlx::{
    ConnectOptions, Connection, PgPool,
    migrate::{Migrate, MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Error, publications};

/// Our own migrations; apalis keeps its own list in its own schema.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The oldest server version we run on (`server_version_num`).
const OLDEST_SERVER: i32 = 150_000;

/// How long to wait for a server that says that it is starting, or says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection that was used is taken to be alive: a busy one isn't asked before each query.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long to wait before asking a server again that is starting.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Opens a pool of at most `max_connections`.
///
/// # Errors
/// When the server can't be reached, refuses us, says nothing for 10 s, or is older than PostgreSQL 15.
pub async fn connect(options: PgConnectOptions, max_connections: u32) -> Result<PgPool, Error> {
    let options = options.application_name("dria-bench");
    greet(&options).await?;
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|conn, used| {
            Box::pin(async move { Ok(used.idle_for < TRUSTED || conn.ping().await.is_ok()) })
        })
        .connect_with(options)
        .await?;
    let version = sqlx::query_scalar!(r#"select current_setting('server_version_num')::int as "version!""#)
        .fetch_one(&pool)
        .await?;
    if version < OLDEST_SERVER {
        return Err(Error::Unsuitable(format!(
            "it is version {}.{}, and dria-bench needs 15 or newer. Upgrade it, or unset DATABASE_URL to use a private \
             one",
            version / 10_000,
            version % 10_000
        )));
    }
    Ok(pool)
}

/// One session, opened and closed: a pool would try again until its time is up, and forget why it had to.
async fn greet(options: &PgConnectOptions) -> Result<(), Error> {
    let asked = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(asked.elapsed());
        match tokio::time::timeout(left, options.connect()).await {
            Ok(Ok(session)) => return session.close().await.map_err(Error::from),
            Ok(Err(error)) if is_starting(&error) && !left.is_zero() => tokio::time::sleep(ASK_AGAIN).await,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                return Err(Error::Unsuitable(format!(
                    "it said nothing within {seconds} s. Check host and port, and that no firewall is in between"
                )));
            }
        }
    }
}

/// `cannot_connect_now`: the server is up, and not ready yet.
fn is_starting(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("57P03"))
}

/// Applies every migration that is missing, ours and apalis'. Any number of processes may do so at once: each set is
/// applied under an advisory lock, and a second one finds nothing left to do.
///
/// # Errors
/// When the schema was made by a newer version, was changed by hand, or a statement fails.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    // apalis' set creates extensions and functions that two sessions may not create at once.
    let mut lock = pool.acquire().await?;
    sqlx::query_scalar!("select pg_advisory_lock(hashtext('dria-bench migrations'))")
        .fetch_one(&mut *lock)
        .await?;
    let outcome = match apply(pool).await {
        Ok(()) => publications::catch_up(pool).await,
        Err(error) => Err(error),
    };
    sqlx::query_scalar!("select pg_advisory_unlock(hashtext('dria-bench migrations'))")
        .fetch_one(&mut *lock)
        .await?;
    outcome
}

async fn apply(pool: &PgPool) -> Result<(), Error> {
    apalis_postgres::PostgresStorage::setup(pool).await.map_err(|error| match error {
        apalis_postgres::Error::Database(sqlx::Error::Migrate(error)) => refused(*error),
        apalis_postgres::Error::Database(error) => error.into(),
        other => Error::Unsuitable(format!("the job queue's tables can't be brought up to date: {other}")),
    })?;
    MIGRATIONS.run(pool).await.map_err(refused)
}

/// Why a migration could not be applied.
fn refused(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(version) => Error::Unsuitable(format!(
            "it was migrated by a newer dria-bench (it has migration {version}). Use that version or a newer one"
        )),
        MigrateError::VersionMismatch(version) => Error::Unsuitable(format!(
            "its migration {version} is not the one this version ships: it was made by a development build. Use \
             another database"
        )),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => Error::Migration(other),
    }
}

/// Version of the server, and number of the newest migration this version brings, for `doctor` and `migrate`.
///
/// # Errors
/// When the database fails.
pub async fn describe(pool: &PgPool) -> Result<(String, i64), Error> {
    let server = sqlx::query_scalar!(r#"select current_setting('server_version') as "server!""#)
        .fetch_one(pool)
        .await?;
    Ok((server, MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()))
}

/// This database's deployment id: what every pod it rents is named after.
///
/// # Errors
/// When the database fails.
pub async fn deployment_id(conn: &mut sqlx::PgConnection) -> Result<String, Error> {
    Ok(sqlx::query_scalar!("select id from deployment").fetch_one(conn).await?)
}

/// Numbers of this version's migrations that the database doesn't have, ascending; empty: its schema is current, or newer.
///
/// # Errors
/// When the database fails.
pub async fn missing_migrations(conn: &mut sqlx::PgConnection) -> Result<Vec<i64>, Error> {
    let applied = conn.list_applied_migrations(&MIGRATIONS.table_name).await?;
    let mut missing: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    missing.retain(|version| applied.iter().all(|applied| applied.version != *version));
    Ok(missing)
}
