//! The server of a cluster: find it, start it, stop it.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{
    Error,
    account::Account,
    binaries::Binaries,
    cluster::{Cluster, ROLE, disk_full, last_lines},
    postmaster::{remove_recycled_pid_file, running, same_folder},
};

/// How long the server may take to come up: crash recovery after a busy hour takes a while.
const START_SECONDS: &str = "120";
const STOP_SECONDS: &str = "60";
/// How often the port of the last time is tried.
const SAME_PORT_OFFERS: u32 = 10;
/// For `pg_ctl` itself, above its own limits.
const CONTROL_TIME: Duration = Duration::from_secs(150);
/// How long to retry a start that failed for a reason which passes by itself.
const RETRY_TIME: Duration = Duration::from_secs(30);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
const CONNECT_TIME: Duration = Duration::from_secs(10);
const LOG_LIMIT_BYTES: u64 = 10_000_000;
const LOG_TAIL_BYTES: u64 = 64_000;

/// A server of ours that accepts sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live {
    pub(super) port: u16,
}

/// A session's options for this port and database.
pub(super) fn options(port: u16, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(ROLE)
        .password(password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("dria-bench")
}

/// Opens a session, within a limit.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    tokio::time::timeout(CONNECT_TIME, options.connect()).await.unwrap_or_else(|_| {
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no session within 10 s")))
    })
}

/// Names a port to try.
pub(super) type ChoosePort<'f> = &'f mut (dyn FnMut() -> io::Result<u16> + Send);

/// The running server of this cluster, started if there is none. The caller holds the start lock.
pub(super) async fn ensure(
    cluster: &Cluster,
    binaries: &Binaries,
    account: &Account,
    choose_port: ChoosePort<'_>,
) -> Result<Live, Error> {
    let started = Instant::now();
    loop {
        match running(cluster) {
            Some(file) => {
                // It may be coming up, recovering or going down: its pid file tells which, by going away or not.
                if answers(cluster, file.port).await? {
                    return Ok(Live { port: file.port });
                }
                if started.elapsed() > CONTROL_TIME {
                    return Err(start_error(cluster, "it runs, but answers no sessions", 0));
                }
            }
            None => match start(cluster, binaries, account, choose_port).await? {
                Start::Up(live) => return Ok(live),
                Start::TryAgain(_) if started.elapsed() < RETRY_TIME => {}
                Start::TryAgain(error) => return Err(error),
            },
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Stops the server if it runs: sessions are ended, everything is written.
pub(super) async fn stop(cluster: &Cluster, binaries: &Binaries, account: &Account) -> Result<(), Error> {
    if running(cluster).is_none() {
        return Ok(());
    }
    let (ok, words) =
        control(cluster, binaries, account, &["stop", "-m", "fast", "-w", "-t", STOP_SECONDS], None).await?;
    if ok || running(cluster).is_none() {
        return Ok(());
    }
    Err(Error::Stop { folder: cluster.data(), detail: last_lines(&words, 3) })
}

enum Start {
    Up(Live),
    TryAgain(Error),
}

async fn start(
    cluster: &Cluster,
    binaries: &Binaries,
    account: &Account,
    choose_port: ChoosePort<'_>,
) -> Result<Start, Error> {
    remove_recycled_pid_file(cluster)?;
    rotate_log(cluster)?;
    let log = cluster.log();
    let log_start = fs::metadata(&log).map_or(0, |meta| meta.len());
    let port = choose_port().map_err(Error::folder(cluster.home(), "given a port"))?;
    let options = format!("-p {port}");
    let arguments = ["start", "-w", "-t", START_SECONDS, "-o", &options];
    let (ok, words) = control(cluster, binaries, account, &arguments, Some(&log)).await?;
    if ok && answers(cluster, port).await? {
        tracing::info!(port, version = binaries.version, "database server started");
        return Ok(Start::Up(Live { port }));
    }
    let error = start_error(cluster, &last_lines(&words, 1), log_start);
    let said = tail(&log, log_start);
    if let Some(detail) = disk_full(&said) {
        return Err(Error::DiskFull { folder: cluster.data(), detail });
    }
    // The port was taken in between; the children of a killed server still hold its memory; or somebody else's
    // start (of a process that was killed while it held our lock) got there first.
    let passes = [
        "could not bind",
        "could not create any TCP/IP sockets",
        "pre-existing shared memory",
        "already exists",
    ];
    if passes.iter().any(|words| said.contains(words)) || running(cluster).is_some() {
        return Ok(Start::TryAgain(error));
    }
    Err(error)
}

/// Runs `pg_ctl`; whether it succeeded, and what it said.
async fn control(
    cluster: &Cluster,
    binaries: &Binaries,
    account: &Account,
    arguments: &[&str],
    log: Option<&Path>,
) -> Result<(bool, String), Error> {
    let program = binaries.program("pg_ctl");
    let mut command = account.command(&program, cluster.home());
    command.arg("-D").arg(cluster.data()).args(arguments).stdin(Stdio::null());
    if let Some(log) = log {
        command.arg("-l").arg(log);
    }
    let failed = |reason: String| Error::Program { program: program.clone(), reason };
    let output = tokio::time::timeout(CONTROL_TIME, command.output())
        .await
        .map_err(|_| failed(format!("does not end within {} s", CONTROL_TIME.as_secs())))?
        .map_err(|error| failed(format!("can't be started: {error}")))?;
    let mut words = String::from_utf8_lossy(&output.stdout).into_owned();
    words.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status.success(), words))
}

/// Whether what listens on this port is the server of this cluster.
async fn answers(cluster: &Cluster, port: u16) -> Result<bool, Error> {
    let options = options(port, &cluster.password()?, "postgres");
    let Ok(mut session) = connect(&options).await else { return Ok(false) };
    let folder: Result<String, _> =
        sqlx::query_scalar("select current_setting('data_directory')").fetch_one(&mut session).await;
    let _ = session.close().await;
    Ok(folder.is_ok_and(|folder| same_folder(Path::new(&folder), &cluster.data())))
}

/// The port that the server of this cluster had last, while it is free: processes that outlived the server find it there
/// again. A few times only, as more than the port may be in its way.
pub(super) fn same_port(cluster: &Cluster) -> impl FnMut() -> io::Result<u16> + Send + use<> {
    let last = last_port(cluster);
    let mut offers = SAME_PORT_OFFERS;
    move || match last {
        Some(port) if offers > 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() => {
            offers -= 1;
            Ok(port)
        }
        _ => free_port(),
    }
}

/// From the command line of its last start, which PostgreSQL leaves in the data folder.
fn last_port(cluster: &Cluster) -> Option<u16> {
    let command = fs::read_to_string(cluster.data().join("postmaster.opts")).ok()?;
    let (_, port) = command.split_once("\"-p\" \"")?;
    port.split_once('"')?.0.parse().ok()
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn rotate_log(cluster: &Cluster) -> Result<(), Error> {
    let log = cluster.log();
    if fs::metadata(&log).is_ok_and(|meta| meta.len() > LOG_LIMIT_BYTES) {
        fs::rename(&log, log.with_extension("log.1")).map_err(Error::folder(&log, "moved"))?;
    }
    Ok(())
}

fn start_error(cluster: &Cluster, detail: &str, log_start: u64) -> Error {
    let log = cluster.log();
    let tail = last_lines(&tail(&log, log_start), 12);
    Error::Start { detail: detail.to_owned(), tail, log }
}

/// What the log says since this position, at most its last 64 kB.
fn tail(log: &Path, from: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(LOG_TAIL_BYTES)).min(length)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("(the log can't be read: {error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_in_between_is_given_up_for_another() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let cluster = Cluster::in_data_dir(folder.path()).unwrap();
        let account = Account::choose(&cluster.data()).unwrap();
        let binaries = crate::embedded_pg::binaries::find(None, folder.path(), None, &account).await.unwrap();
        cluster.initialise(&binaries, &account).await.unwrap();
        let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = squatter.local_addr().unwrap().port();
        let mut offered = 0;
        let live = ensure(&cluster, &binaries, &account, &mut || {
            offered += 1;
            if offered == 1 { Ok(taken) } else { free_port() }
        })
        .await;
        let stopped = stop(&cluster, &binaries, &account).await;
        let live = live.unwrap();
        stopped.unwrap();
        assert_ne!(live.port, taken);
        assert!(offered >= 2, "the taken port was never tried");
        assert!(running(&cluster).is_none(), "the server is stopped");
    }
}
