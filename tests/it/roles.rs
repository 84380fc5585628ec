//! The roles as processes: each is told to stop, and ends in order; told twice, at once.

use std::{process::Stdio, time::Duration};

use dria_bench::{domain::kinds::ProviderKind, http, queue::ApalisQueue};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::support::{database::TestDatabase, program::Bench, runs};

/// A run on this host whose first level lasts longer than any test.
async fn start_long_run(database: &TestDatabase) {
    let mut spec = runs::truth_spec(&[1], ProviderKind::Local, None);
    spec.load.seconds = 600.0;
    runs::start(database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), &runs::local_queue()).await;
}

/// Waits until one row fits.
async fn wait_for(database: &TestDatabase, sql: &'static str) {
    for _ in 0..1200 {
        if database.count(sql).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to that: {sql}");
}

const MEASURES: &str = "select count(*) from step_runs where name = 'throughput' and status = 'running'";
const PUT_BACK: &str = "select count(*) from step_runs where name = 'throughput' and status = 'scheduled' and attempt = 0 and losses = 0";
const DRAINED: &str = "select count(*) from step_attempts where name = 'throughput' and outcome = 'drained'";

/// `up`, with its lines of stdout.
struct Up {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Up {
    async fn start(bench: &Bench, arguments: &str) -> Self {
        let mut command = Command::from(bench.command(&format!("up --port 0 {arguments}")));
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap().unwrap();
        Self { child, lines, url }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()), signal).unwrap();
    }

    /// Its exit code and what it still said on stdout.
    async fn end(mut self) -> (Option<i32>, Vec<String>) {
        let mut said = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            said.push(line);
        }
        (self.child.wait().await.unwrap().code(), said)
    }
}

#[tokio::test]
async fn up_serves_and_works_and_one_signal_drains_all_of_it() {
    let bench = Bench::new().await;
    start_long_run(&bench.database).await;
    let up = Up::start(&bench, "").await;
    let health = http::client(None).unwrap().get(format!("{}/health", up.url)).send().await.unwrap();
    assert!(health.status().is_success());
    wait_for(&bench.database, MEASURES).await;
    up.signal(Signal::SIGTERM);
    let (code, said) = up.end().await;
    assert_eq!(code, Some(0));
    assert!(said[0].starts_with("admin token: drb_"), "{said:?}");
    assert_eq!((bench.database.count(PUT_BACK).await, bench.database.count(DRAINED).await), (1, 1));

    let again = Up::start(&bench, "--queues steps").await;
    again.signal(Signal::SIGTERM);
    assert_eq!(again.end().await, (Some(0), Vec::new()), "the token is shown once");
    bench.kill_engine().await;
}

#[tokio::test]
async fn up_beyond_this_machine_needs_an_admin_token_first_and_starts_nothing_without() {
    let bench = Bench::new().await;
    let refused = bench.run("up --port 0 --host 0.0.0.0");
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("there is no admin token yet"), "{refused:?}");
    assert_eq!(bench.database.count("select count(*) from api_tokens").await, 0);
    assert_eq!(bench.database.count("select count(*) from apalis.workers").await, 0);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_puts_its_step_back_and_spends_no_attempt() {
    let bench = Bench::new().await;
    start_long_run(&bench.database).await;
    let worker = bench.start("worker --queues local --concurrency 2");
    wait_for(&bench.database, MEASURES).await;
    worker.signal(Signal::SIGTERM);
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("1 run is not over"), "{ended:?}");
    assert_eq!((bench.database.count(PUT_BACK).await, bench.database.count(DRAINED).await), (1, 1));
    bench.kill_engine().await;
}

/// The drain is made to last: its commit waits for a lock that the test holds.
#[tokio::test]
async fn a_second_signal_ends_a_worker_at_once() {
    let bench = Bench::new().await;
    bench
        .database
        .execute(
            "create function hold_drain() returns trigger language plpgsql as $$
             begin perform pg_advisory_xact_lock_shared(4343); return new; end $$;
             create trigger hold_drain before update on step_runs for each row
               when (old.status = 'running' and new.status = 'scheduled') execute function hold_drain();",
        )
        .await;
    let mut holder = PgConnection::connect(&bench.database.url).await.unwrap();
    sqlx::query("select pg_advisory_lock(4343)").execute(&mut holder).await.unwrap();
    start_long_run(&bench.database).await;
    let worker = bench.start("worker");
    wait_for(&bench.database, MEASURES).await;
    worker.signal(Signal::SIGTERM);
    wait_for(
        &bench.database,
        "select count(*) from pg_locks where locktype = 'advisory' and objid = 4343 and not granted
         and database = (select oid from pg_database where datname = current_database())",
    )
    .await;
    // Signals that come closer together than 0.7 s are one request.
    tokio::time::sleep(Duration::from_millis(800)).await;
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.end().code, Some(130));
    assert_eq!(bench.database.count(MEASURES).await, 1, "its lease will run out");
    bench.kill_engine().await;
}

#[tokio::test]
async fn a_queue_that_this_host_cannot_work_is_refused_and_the_known_ones_are_named() {
    let bench = Bench::new().await;
    for role in ["worker", "up"] {
        let refused = bench.run(&format!("{role} --queues steps,nowhere"));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let known = format!("it can work steps and {}", runs::local_queue());
        assert!(refused.stderr.contains("`nowhere`") && refused.stderr.contains(&known), "{refused:?}");
    }
}

/// Two processes, each with a worker of its own: a pause that a third one asks for holds for both, and goes on to hold.
#[tokio::test]
async fn a_pause_holds_for_workers_of_other_processes_that_live_already() {
    let bench = Bench::new().await;
    let mut workers = [bench.start("worker"), bench.start("worker")];
    for worker in &mut workers {
        worker.wait_for(&["working steps"]);
    }
    wait_for(&bench.database, "select (count(*) = 4)::int::bigint from apalis.workers").await;
    let paused = bench.run(&format!("queues pause {}", runs::local_queue()));
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let spec = runs::truth_spec(&[1], ProviderKind::Local, None);
    let queue = runs::local_queue();
    runs::start(&bench.database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), &queue).await;
    wait_for(&bench.database, "select count(*) from apalis.jobs where status = 'Done'").await;
    assert_eq!(bench.database.count("select count(*) from step_attempts").await, 0);
    assert_eq!(bench.run(&format!("queues resume {queue}")).code, Some(0));
    wait_for(&bench.database, "select count(*) from workflow_runs where status = 'succeeded'").await;
    for worker in workers {
        worker.signal(Signal::SIGTERM);
        assert_eq!(worker.end().code, Some(0));
    }
    assert_eq!(runs::broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}
