//! The embedded PostgreSQL, through everything that can happen to it. Each test has a cluster of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use dria_bench::embedded_pg::{self, EmbeddedPg, Error, Settings};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

/// A folder that tells the test below that it is to be a second process.
const CHILD_MARKER: &str = "child-process-of-the-embedded-pg-tests";

/// A data folder that everybody may enter; its server goes with it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("dria-bench-pg-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("postgres/data")
    }

    fn settings(&self) -> Settings {
        Settings { data_dir: self.path().to_owned(), pg_bin: None }
    }

    async fn start(&self) -> EmbeddedPg {
        embedded_pg::start(&self.settings()).await.unwrap()
    }

    /// The pid in `postmaster.pid`.
    fn server(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok().map(Pid::from_raw)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some(server) = self.server().filter(|pid| *pid != Pid::this()) else { return };
        // `immediate` shutdown; the folder may go once the process has.
        let _ = kill(server, Signal::SIGQUIT);
        let started = Instant::now();
        while self.server().is_some()
            && kill(server, None).is_ok()
            && started.elapsed() < Duration::from_secs(10)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Another process that uses the database of a folder until it is told to leave, or killed.
struct User {
    child: Child,
    words: BufReader<ChildStdout>,
}

impl User {
    fn spawn(folder: &Folder) -> Self {
        fs::write(folder.path().join(CHILD_MARKER), "").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "embedded_pg::another_process_that_uses_the_database",
                "--ignored",
                "--nocapture",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let words = BufReader::new(child.stdout.take().unwrap());
        Self { child, words }
    }

    /// Waits for a line that starts like this, and gives its rest.
    async fn hear(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.words.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the other process ended before it said `{start}`");
            if let Some((_, rest)) = line.split_once(start) {
                return rest.trim().to_owned();
            }
        }
    }

    async fn kill_dead(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Lets it leave; whether it stopped the server.
    async fn leave(mut self) -> bool {
        drop(self.child.stdin.take());
        self.hear("stopped=").await == "true"
    }
}

#[tokio::test]
#[ignore = "started by the tests that need a second process"]
async fn another_process_that_uses_the_database() {
    let here = std::env::current_dir().unwrap();
    if !here.join(CHILD_MARKER).exists() {
        return;
    }
    let pg = embedded_pg::start(&Settings { data_dir: here, pg_bin: None }).await.unwrap();
    writeln!(std::io::stdout(), "\nport={}", pg.connect_options().get_port()).unwrap();
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    let stopped = pg.shut_down().await.unwrap();
    writeln!(std::io::stdout(), "\nstopped={stopped}").unwrap();
}

async fn session(pg: &EmbeddedPg) -> PgConnection {
    pg.connect_options().connect().await.unwrap()
}

async fn write_row(pg: &EmbeddedPg) {
    let mut session = session(pg).await;
    sqlx::query("create table kept (n int)").execute(&mut session).await.unwrap();
    sqlx::query("insert into kept values (42)").execute(&mut session).await.unwrap();
    session.close().await.unwrap();
}

async fn read_row(pg: &EmbeddedPg) -> i32 {
    let mut session = session(pg).await;
    let n = sqlx::query_scalar("select n from kept").fetch_one(&mut session).await.unwrap();
    session.close().await.unwrap();
    n
}

#[tokio::test]
async fn a_fresh_cluster_is_durable_private_and_has_what_the_queue_needs() {
    let folder = Folder::new();
    let pg = folder.start().await;
    let mut session = session(&pg).await;
    for (setting, value) in
        [("fsync", "on"), ("data_checksums", "on"), ("password_encryption", "scram-sha-256")]
    {
        let shown: String = sqlx::query_scalar("select current_setting($1)")
            .bind(setting)
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(shown, value, "{setting}");
    }
    sqlx::query("create extension pgcrypto").execute(&mut session).await.unwrap();
    sqlx::query("create extension hstore").execute(&mut session).await.unwrap();
    session.close().await.unwrap();
    assert!(pg.connect_options().password("wrong").connect().await.is_err(), "a wrong password was let in");
    let by_url: sqlx::postgres::PgConnectOptions = pg.url().parse().unwrap();
    by_url.connect().await.unwrap().close().await.unwrap();
    let mode = fs::metadata(folder.data().join("dria_bench.password")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = fs::read_to_string(folder.data().join("dria_bench.password")).unwrap();
    assert!(!format!("{pg:?} {}", pg.status_line()).contains(&password), "the password is printed");
    assert!(pg.shut_down().await.unwrap());
    assert_eq!(folder.server(), None);
}

#[tokio::test]
async fn the_last_one_out_stops_the_server_and_the_data_stays() {
    let folder = Folder::new();
    let first = folder.start().await;
    write_row(&first).await;
    let mut second = User::spawn(&folder);
    let port = second.hear("port=").await;
    assert_eq!(port, first.connect_options().get_port().to_string(), "both use one server");
    assert!(!first.shut_down().await.unwrap(), "the first stopped a server that is in use");
    assert!(second.leave().await, "the last one out left the server running");
    assert_eq!(folder.server(), None);
    let again = folder.start().await;
    assert_eq!(read_row(&again).await, 42);
    assert!(again.shut_down().await.unwrap());
}

#[tokio::test]
async fn a_server_that_outlived_its_killed_user_is_used_again() {
    let folder = Folder::new();
    let mut user = User::spawn(&folder);
    let port = user.hear("port=").await;
    let server = folder.server().unwrap();
    user.kill_dead().await;
    let pg = folder.start().await;
    assert_eq!(folder.server(), Some(server));
    assert_eq!(pg.connect_options().get_port().to_string(), port);
    assert!(pg.shut_down().await.unwrap(), "the killed user still counts");
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_every_committed_row() {
    let folder = Folder::new();
    let pg = folder.start().await;
    write_row(&pg).await;
    let killed = folder.server().unwrap();
    kill(killed, Signal::SIGKILL).unwrap();
    drop(pg);
    let pg = folder.start().await;
    assert_ne!(folder.server(), Some(killed));
    assert_eq!(read_row(&pg).await, 42);
    assert!(pg.shut_down().await.unwrap());
}

#[tokio::test]
async fn a_killed_server_comes_back_where_those_that_outlived_it_look_for_it() {
    let folder = Folder::new();
    let outlived = folder.start().await;
    write_row(&outlived).await;
    kill(folder.server().unwrap(), Signal::SIGKILL).unwrap();
    let pg = folder.start().await;
    assert_eq!(read_row(&outlived).await, 42);
    drop(outlived);
    assert!(pg.shut_down().await.unwrap());
}

#[tokio::test]
async fn processes_that_start_at_the_same_time_share_one_server() {
    let folder = Folder::new();
    let mut users = [User::spawn(&folder), User::spawn(&folder)];
    let ours = folder.start().await;
    let port = ours.connect_options().get_port().to_string();
    for user in &mut users {
        assert_eq!(user.hear("port=").await, port);
    }
    let mut stops = vec![ours.shut_down().await.unwrap()];
    for user in users {
        stops.push(user.leave().await);
    }
    assert_eq!(stops, [false, false, true], "only the last one out stops the server");
}

#[tokio::test]
async fn a_pid_file_whose_number_another_program_has_by_now_is_no_server() {
    let folder = Folder::new();
    folder.start().await.shut_down().await.unwrap();
    // This very test has the number.
    let stale = format!("{}\n{}\n1\n1\n\n127.0.0.1\n\nready\n", std::process::id(), folder.data().display());
    fs::write(folder.data().join("postmaster.pid"), stale).unwrap();
    let pg = folder.start().await;
    assert_ne!(folder.server(), Some(Pid::this()));
    assert!(pg.shut_down().await.unwrap());
}

#[tokio::test]
async fn an_initialisation_that_was_killed_is_done_again() {
    // The kill has to come before `initdb` ends; should this machine be too busy for that, there is another try.
    for _ in 0..5 {
        let folder = Folder::new();
        let user = User::spawn(&folder);
        half_made_cluster(&folder).await;
        user.kill_dead().await;
        if folder.data().exists() {
            continue;
        }
        let pg = folder.start().await;
        write_row(&pg).await;
        assert!(pg.shut_down().await.unwrap());
        // The orphaned initdb gives up when its files are gone; a start after that leaves nothing behind.
        while half_made(&folder).is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(folder.start().await.shut_down().await.unwrap());
        }
        return;
    }
    panic!("initdb was never caught at work");
}

/// Waits until somebody is well into making a cluster.
async fn half_made_cluster(folder: &Folder) {
    while half_made(folder).is_none_or(|making| !making.join("data/base").exists()) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn half_made(folder: &Folder) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder.path().join("postgres")).into_iter().flatten().flatten();
    entries.find(|entry| entry.file_name().to_string_lossy().starts_with("init-")).map(|entry| entry.path())
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_works_and_one_too_long_for_postgres_is_refused() {
    let folder = Folder::new();
    let name = "d".repeat(100);
    let long = folder.path().join(&name).join(&name).join(&name);
    let pg = embedded_pg::start(&Settings { data_dir: long.clone(), pg_bin: None }).await.unwrap();
    assert!(pg.shut_down().await.unwrap());
    let longer = long.join(&name).join(&name).join(&name).join(&name);
    let error = embedded_pg::start(&Settings { data_dir: longer, pg_bin: None }).await.unwrap_err();
    assert!(matches!(error, Error::UnusablePath { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_the_end_of_its_log() {
    let folder = Folder::new();
    folder.start().await.shut_down().await.unwrap();
    let conf = folder.data().join("postgresql.conf");
    let mut text = fs::read_to_string(&conf).unwrap();
    text.push_str("no_such_setting = 1\n");
    fs::write(&conf, text).unwrap();
    let error = embedded_pg::start(&folder.settings()).await.unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_another_version_and_a_damaged_one_are_left_alone() {
    let folder = Folder::new();
    let data = folder.data();
    fs::create_dir_all(data.join("global")).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let damaged = embedded_pg::start(&folder.settings()).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
    fs::write(data.join("global/pg_control"), "").unwrap();
    let wrong = embedded_pg::start(&folder.settings()).await.unwrap_err();
    assert!(matches!(wrong, Error::WrongVersion { cluster: 9, .. }), "{wrong}");
    assert_eq!(fs::read_to_string(data.join("PG_VERSION")).unwrap(), "9\n");
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_the_reason() {
    let folder = Folder::new();
    let bin = folder.path().join("bin");
    let none =
        embedded_pg::start(&Settings { pg_bin: Some(bin.clone()), ..folder.settings() }).await.unwrap_err();
    assert!(matches!(none, Error::NoBinaries { .. }), "{none}");
    assert!(
        none.to_string().contains(&*bin.to_string_lossy()) && none.to_string().contains("apt-get"),
        "{none}"
    );
    assert!(!folder.data().exists());

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let blocked = embedded_pg::start(&Settings { data_dir: file, pg_bin: None }).await.unwrap_err();
    assert!(matches!(blocked, Error::Folder { .. }), "{blocked}");

    if nix::unistd::geteuid().is_root() {
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let inside = Settings { data_dir: closed.join("data"), pg_bin: None };
        let error = embedded_pg::start(&inside).await.unwrap_err();
        assert!(matches!(&error, Error::NotEnterable { folder, .. } if *folder == closed), "{error}");
    }
}
