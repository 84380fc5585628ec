//! `kill -9` of the worker in each of the fifteen steps of a run: the run goes on at that step and ends with exactly
//! ten results.
//!
//! A worker is caught at a known line without any hook in the program: a trigger of the test's own makes the commit of
//! the step wait for a lock that the test holds. All of the step's work is done by then, and none of it committed.

use std::time::Duration;

use dria_bench::{domain::kinds::ProviderKind, queue::ApalisQueue, store::results};
use sqlx::{Connection, PgConnection};

use crate::support::{
    database::{TestDatabase, public_folder},
    runs,
    workers::Worker,
};

const STEPS: [&str; 15] = [
    "provision",
    "pull_model",
    "start_engine",
    "warmup",
    "throughput",
    "concurrency:1",
    "concurrency:2",
    "concurrency:3",
    "concurrency:4",
    "concurrency:5",
    "concurrency:6",
    "concurrency:7",
    "concurrency:8",
    "concurrency:9",
    "teardown",
];

/// The lock that the commit of the planned step waits for.
const HOLD: &str = "
    create table crash_plan (step text primary key);
    create function hold_commit() returns trigger language plpgsql as $$
    begin
        if exists (select 1 from crash_plan where step = new.name) then
            perform pg_advisory_xact_lock_shared(4242);
        end if;
        return new;
    end $$;
    create trigger hold_commit before update on step_runs for each row
        when (old.status = 'running' and new.status = 'done') execute function hold_commit();";

/// The server's side of a commit that is held, if one is.
async fn held_commit(database: &TestDatabase) -> Option<i32> {
    sqlx::query_scalar(
        "select pid from pg_locks where locktype = 'advisory' and objid = 4242 and not granted
         and database = (select oid from pg_database where datname = current_database())",
    )
    .fetch_optional(&database.pool)
    .await
    .unwrap()
}

/// Waits until a commit is held.
async fn wait_for_held_commit(database: &TestDatabase) -> i32 {
    for _ in 0..6000 {
        if let Some(backend) = held_commit(database).await {
            return backend;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the worker never came to the planned commit");
}

/// Ends the server's side of a dead client's commit, and returns once it is gone.
async fn end_backend(database: &TestDatabase, backend: i32) {
    sqlx::query("select pg_terminate_backend($1)").bind(backend).execute(&database.pool).await.unwrap();
    while held_commit(database).await.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_each_of_the_fifteen_steps_leaves_ten_results_and_no_engine() {
    let database = TestDatabase::new().await;
    let folder = public_folder();
    database.execute(HOLD).await;
    let mut holder = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("select pg_advisory_lock(4242)").execute(&mut holder).await.unwrap();

    let rates: Vec<u32> = (1..=9).collect();
    let spec = runs::truth_spec(&rates, ProviderKind::Local, None);
    let workflow = runs::quick_workflow(&rates);
    assert_eq!(workflow.steps.iter().map(|step| step.kind.to_string()).collect::<Vec<_>>(), STEPS);
    let run = runs::start(&database, &ApalisQueue, &spec, &workflow, &runs::local_queue()).await;

    for step in STEPS {
        database.execute(format!("insert into crash_plan values ('{step}')")).await;
        let worker = Worker::start(&database, folder.path());
        let backend = wait_for_held_commit(&database).await;
        worker.kill_9();
        end_backend(&database, backend).await;
        database.execute("delete from crash_plan").await;
    }
    assert!(Worker::start(&database, folder.path()).ended().await, "the last worker did not end in order");

    assert_eq!(database.count("select count(*) from workflow_runs where status = 'succeeded'").await, 1);
    let stored = results::list(&mut database.pool.acquire().await.unwrap(), run).await.unwrap();
    let levels: Vec<Option<u32>> = stored.iter().map(|result| result.summary.compat.rate).collect();
    let expected: Vec<Option<u32>> = rates.iter().copied().map(Some).chain([None]).collect();
    assert_eq!(levels, expected, "nine levels by rate, then throughput");
    assert_eq!(database.count("select count(*) from step_attempts where outcome = 'lost'").await, 15);
    assert_eq!(database.count("select count(*) from step_attempts where outcome = 'done'").await, 15);
    assert_eq!(database.count("select count(*) from step_runs where attempt <> 1 or losses <> 1").await, 0);
    assert_eq!(runs::broken_invariants(&database, folder.path()).await, Vec::<String>::new());
}
