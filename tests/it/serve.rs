//! `dria-bench serve` as a process: what it says, that it answers, and how it ends.

use std::process::Stdio;

use dria_bench::http;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::support::database::TestDatabase;

fn program(database: &TestDatabase, host: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dria-bench"));
    command
        .args(["serve", "--port", "0", "--host", host])
        .env("DATABASE_URL", &database.url)
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_says_where_it_serves_and_ends_in_order_when_told_to() {
    let database = TestDatabase::new().await;
    let mut served = program(&database, "127.0.0.1").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(served.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    let health = http::client(None).unwrap().get(format!("{url}/health")).send().await.unwrap();
    assert!(health.status().is_success());
    let pid = Pid::from_raw(served.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(served.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn beyond_this_machine_it_says_what_is_missing_and_exits_with_3() {
    let database = TestDatabase::new().await;
    let refused = program(&database, "0.0.0.0").output().await.unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("there is no admin token yet") && said.contains("tokens create"), "{said}");
}
