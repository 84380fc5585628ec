//! Databases that can't be used, and the embedded one's end.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::Connection;

use crate::support::{
    database::public_folder,
    program::{Bench, Running, end_of, program},
};

const PASSWORD: &str = "correct-horse-battery";

fn with_url(url: &str, arguments: &str) -> crate::support::program::Ended {
    let folder = public_folder();
    end_of(
        program()
            .args(arguments.split(' '))
            .env("DATABASE_URL", url)
            .env("DRIA_BENCH_DATA_DIR", folder.path()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_not_be_used_is_named_with_the_reason_and_never_with_its_password() {
    let bench = Bench::new().await;
    let real: url::Url = bench.database.url.parse().unwrap();
    let mut wrong_password = real.clone();
    wrong_password.set_password(Some(PASSWORD)).unwrap();
    let mut no_database = real.clone();
    no_database.set_path("/nowhere");
    let mut no_user = real.clone();
    no_user.set_username("nobody_here").unwrap();
    for (url, code, said) in [
        ("nonsense".to_owned(), 2, "can't be read"),
        (format!("mysql://u:{PASSWORD}@h/d"), 2, "PostgreSQL is all that is spoken"),
        (
            format!("postgres://u:{PASSWORD}@127.0.0.1:1/d"),
            3,
            "127.0.0.1:1 can't be used: nothing listens there",
        ),
        (format!("postgres://u:{PASSWORD}@no.such.host.invalid/d"), 3, "it can't be reached"),
        (wrong_password.to_string(), 3, "Correct user and password"),
        (no_user.to_string(), 3, "Correct user and password"),
        (no_database.to_string(), 3, "Create that database"),
    ] {
        for arguments in ["runs list", "-vvv runs list"] {
            let ended = with_url(&url, arguments);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            assert!(ended.stderr.contains(said) && ended.stderr.contains("  next: "), "{ended:?}");
            assert!(!ended.stderr.contains(PASSWORD), "a secret is shown: {ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_and_one_that_is_read_only_are_refused_untouched() {
    let bench = Bench::new().await;
    let migration = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                     values (29991231000000, 'from the future', true, '', 1)";
    bench.database.execute(migration).await;
    let ended = bench.run("runs list");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("migrated by a newer dria-bench"), "{ended:?}");
    let doctor = bench.run("doctor");
    assert_eq!(doctor.code, Some(3), "{doctor:?}");
    assert!(
        doctor.stdout.contains("✗  database") && doctor.stdout.contains("newer dria-bench"),
        "{doctor:?}"
    );

    let bench = Bench::new().await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&bench.database.pool).await.unwrap();
    bench.database.execute(format!("alter database {name} set default_transaction_read_only = on")).await;
    let ended = bench.run("runs list");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("one that can be written to"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_is_told_to_own_the_database() {
    let bench = Bench::new().await;
    let role = format!("weak_{}", std::process::id());
    bench
        .database
        .execute(format!(
            "create role {role} login password '{PASSWORD}';
             drop schema public cascade; drop schema apalis cascade; create schema public"
        ))
        .await;
    let mut url: url::Url = bench.database.url.parse().unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some(PASSWORD)).unwrap();
    let ended = with_url(url.as_str(), "migrate");
    let mut admin = sqlx::PgConnection::connect(&bench.database.url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop role {role}"))).execute(&mut admin).await.unwrap();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("permission denied") && ended.stderr.contains("the owner of the database"),
        "{ended:?}"
    );
}

#[test]
fn a_command_interrupted_while_the_database_starts_leaves_no_server() {
    let folder = public_folder();
    let command = |arguments: &str| {
        let mut command = program();
        command.args(arguments.split(' ')).env("DRIA_BENCH_DATA_DIR", folder.path());
        command
    };
    let opening = Running::start(&mut command("runs list"));
    // The lock is taken before anything is made.
    while !folder.path().join("postgres/start.lock").exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    opening.signal(Signal::SIGTERM);
    let ended = opening.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("interrupted"), "{ended:?}");
    assert!(!folder.path().join("postgres/data/postmaster.pid").exists(), "a server is left");

    let listed = end_of(&mut command("runs list --json"));
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(listed.json(), serde_json::json!([]));
    assert!(
        !folder.path().join("postgres/data/postmaster.pid").exists(),
        "the last one out stops the server"
    );
}

#[test]
fn a_private_server_that_dies_under_a_running_program_is_started_again_and_not_for_ever() {
    let folder = public_folder();
    let mut up = program();
    up.args(["up", "--port", "0", "-v"])
        .env("DRIA_BENCH_DATA_DIR", folder.path())
        .env("DRIA_BENCH_WORKER_LEASE_MS", "3000")
        .env("DRIA_BENCH_WORKER_HEARTBEAT_MS", "500");
    let mut up = Running::start(&mut up);
    up.wait_for(&["serving, scheduling, and working"]);
    let pid_file = folder.path().join("postgres/data/postmaster.pid");
    let kill_server = || {
        let text = std::fs::read_to_string(&pid_file).unwrap();
        kill(Pid::from_raw(text.lines().next().unwrap().parse().unwrap()), Signal::SIGKILL).unwrap();
    };
    for death in 1..=5 {
        kill_server();
        up.wait_for(&["the embedded PostgreSQL died: starting it again"]);
        up.wait_for(&["database server started"]);
        if death == 1 {
            // Another process uses the same server, and what was in it is there.
            let mut list = program();
            list.args(["schedules", "list", "--json"]).env("DRIA_BENCH_DATA_DIR", folder.path());
            let listed = end_of(&mut list);
            assert_eq!(listed.code, Some(0), "{listed:?}");
            assert!(!listed.json().as_array().unwrap().is_empty());
        }
    }
    kill_server();
    let ended = up.end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("died 6 times within 10 minutes"), "{ended:?}");
}

#[test]
fn a_data_folder_that_can_not_be_used_is_named_with_what_to_do() {
    let folder = public_folder();
    let in_the_way = crate::support::program::file(folder.path(), "file", b"");
    let ended = end_of(program().args(["runs", "list", "--data-dir"]).arg(&in_the_way));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("another --data-dir"), "{ended:?}");
    let doctor = end_of(program().args(["doctor", "--data-dir"]).arg(&in_the_way));
    assert_eq!(doctor.code, Some(3), "{doctor:?}");
    assert!(doctor.stdout.contains("✗  folder") && doctor.stdout.contains("put right"), "{doctor:?}");
}
