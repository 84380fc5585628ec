//! `dria-bench serve` as a process: what it says, that it answers, and how it ends.

use std::process::Stdio;

use dria_bench::{http, store::events};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    api_v1::events::ids,
    support::{database::TestDatabase, drain::Bench},
};

fn program(database: &TestDatabase, host: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dria-bench"));
    command
        .args(["serve", "--port", "0", "--host", host])
        .env("DATABASE_URL", &database.url)
        .kill_on_drop(true);
    command
}

/// A server that is up, and its URL.
async fn served(database: &TestDatabase) -> (Child, String) {
    let mut served = program(database, "127.0.0.1").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(served.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    (served, url)
}

#[tokio::test]
async fn it_says_where_it_serves_and_ends_in_order_when_told_to() {
    let database = TestDatabase::new().await;
    let (mut served, url) = served(&database).await;
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

#[tokio::test]
async fn who_follows_a_run_gets_each_event_once_though_the_server_is_killed_again_and_again() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    let (mut seen, mut kills) = (Vec::<i64>::new(), 0);
    loop {
        let (mut server, url) = served(&bench.database).await;
        let url = format!("{url}/api/v1/runs/{}/events", bench.run);
        let mut request = http::client(None).unwrap().get(url);
        if let Some(last) = seen.last() {
            request = request.header("last-event-id", *last);
        }
        let reading = tokio::spawn(ids(request.send().await.unwrap(), usize::MAX));
        // The next step's events are committed, and on their way or not, when the process dies.
        let work = bench.tokens.pop();
        if let Some(token) = &work {
            bench.work(token).await;
        } else {
            // The run is over: the stream ends by itself.
            seen.extend(reading.await.unwrap());
            break;
        }
        server.kill().await.unwrap();
        kills += 1;
        seen.extend(reading.await.unwrap());
        // Something happens while there is no server.
        if kills % 2 == 0
            && let Some(token) = bench.tokens.pop()
        {
            bench.work(&token).await;
        }
    }
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let stored = events::after(&mut conn, bench.run, 0).await.unwrap();
    assert_eq!(seen, stored.into_iter().map(|event| event.id).collect::<Vec<_>>(), "none lost, none twice");
    assert!(kills >= 5, "{kills} kills");
}
