//! Several workers and several runs while workers are killed, stopped past their lease, and the database crashes:
//! every run ends as it should, with each result once. The checker itself is checked: each promise, broken on purpose,
//! is found.
//!
//! What is broken when is drawn from a seed and counted in events of the ledger, not in seconds.

use std::{io::Write, time::Duration};

use axum::http::Method;
use dria_bench::{
    domain::{
        kinds::{EngineKind, ProviderKind},
        spec::RunSpec,
    },
    jobs::reap,
    queue::{ApalisQueue, SHARED_QUEUE},
    store::invariants,
    truth::{self, TruthServer},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::net::TcpListener;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Bench,
    pods::eventually,
    runpod::{FakeRunpod, Faults},
    runs,
    workers::Worker,
};

/// Levels of each run.
const RATES: [u32; 2] = [1, 2];
/// Results of each run: its levels and throughput.
const RESULTS: i64 = 3;

/// What the kills are drawn from, unless `CHAOS_SEED` says otherwise; the totals tell it.
const SEED: u64 = 20_261_124;

#[expect(
    clippy::disallowed_methods,
    reason = "no setting of the program: what a failed test drew is drawn again"
)]
fn seed() -> u64 {
    std::env::var("CHAOS_SEED").map_or(SEED, |seed| seed.parse().unwrap())
}

async fn engine() -> TruthServer {
    let settings = truth::Settings {
        ttft: Duration::from_millis(5),
        itl: Duration::from_millis(1),
        ..truth::Settings::default()
    };
    truth::serve(settings, TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap()
}

/// Records so many runs against an engine that runs already.
async fn start_runs(database: &TestDatabase, engine: &TruthServer, runs: u32) {
    start_runs_of(database, &runs::truth_spec(&RATES, ProviderKind::Endpoint, Some(engine.url())), runs)
        .await;
}

/// Records so many runs of this, with patience for all that is done to them.
async fn start_runs_of(database: &TestDatabase, spec: &RunSpec, runs: u32) {
    let mut workflow = runs::quick_workflow(&RATES);
    for step in &mut workflow.steps {
        (step.retry.max_losses, step.retry.max_attempts) = (100, step.retry.max_attempts.max(100));
    }
    for _ in 0..runs {
        runs::start(database, &ApalisQueue, spec, &workflow, SHARED_QUEUE).await;
    }
}

/// Waits until the ledger has so many events, or no run goes on.
async fn events_reach(database: &TestDatabase, wanted: i64) {
    eventually("the ledger's next events", async || {
        let live = "select count(*) from workflow_runs where status in ('pending', 'running')";
        let reached = database.count_if_up("select count(*) from run_events").await? >= wanted;
        (reached || database.count_if_up(live).await? == 0).then_some(())
    })
    .await;
}

/// Every run succeeded with all its results, and nothing is broken. Prints the totals.
async fn all_is_well(database: &TestDatabase, data_dir: &std::path::Path, runs: i64, what: &str) {
    let succeeded = database.count("select count(*) from workflow_runs where status = 'succeeded'").await;
    let results = database.count("select count(*) from benchmark_results where superseded_at is null").await;
    let doubled = "select count(*) from (select 1 from benchmark_results where superseded_at is null
                   group by run_id, step having count(*) > 1) twice";
    let doubled = database.count(doubled).await;
    let lost = database.count("select count(*) from step_attempts where outcome = 'lost'").await;
    let live_pods = database.count("select count(*) from pods where state <> 'gone'").await;
    // Past what the test harness holds back: a full run shows it.
    let totals = format!(
        "{what}: {runs} runs, {succeeded} succeeded, {results} results of {}, {lost} tries lost, {doubled} duplicates, {live_pods} live pods, \
         seed {}\n",
        runs * RESULTS,
        seed()
    );
    std::io::stderr().write_all(totals.as_bytes()).unwrap();
    assert_eq!(succeeded, runs);
    assert_eq!(results, runs * RESULTS);
    assert_eq!(runs::broken_invariants(database, data_dir).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_killed_again_and_again_lose_no_result_and_double_none() {
    const RUNS: i64 = 6;
    const KILLS: usize = 12;
    let (database, folder, engine) = (TestDatabase::new().await, public_folder(), engine().await);
    start_runs(&database, &engine, 6).await;
    let mut random = SmallRng::seed_from_u64(seed());
    let mut workers = [Worker::start(&database, folder.path()), Worker::start(&database, folder.path())];
    let mut events = database.count("select count(*) from run_events").await;
    for _ in 0..KILLS {
        events += random.random_range(3..12);
        events_reach(&database, events).await;
        let fresh = Worker::start(&database, folder.path());
        let victim = usize::from(random.random::<bool>());
        std::mem::replace(&mut workers[victim], fresh).kill_9();
    }
    let [one, other] = workers;
    assert!(one.ended().await && other.ended().await, "a worker did not end in order");
    all_is_well(&database, folder.path(), RUNS, &format!("{KILLS} × kill -9")).await;
}

/// Has the cloud do something that clouds do.
fn break_something(fake: &FakeRunpod, random: &mut SmallRng) {
    match random.random_range(0..5) {
        0 => fake.fault(|faults| faults.lost_replies += 1),
        1 => fake.lag(random.random_range(2..6)),
        2 => fake.fault(|faults| faults.answers.extend(std::iter::repeat_n((Method::DELETE, 500), 3))),
        3 => fake.fault(|faults| faults.answers.extend([(Method::GET, 429), (Method::POST, 429)])),
        _ => fake.fault(|faults| faults.answers.extend([(Method::GET, 403), (Method::POST, 403)])),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_while_their_cloud_misbehaves_leave_no_pod() {
    const RUNS: u32 = 4;
    const KILLS: usize = 10;
    let (database, folder, fake) = (TestDatabase::new().await, public_folder(), FakeRunpod::start().await);
    start_runs_of(&database, &runs::rented_spec(EngineKind::Vllm, &RATES), RUNS).await;
    let mut random = SmallRng::seed_from_u64(seed());
    let start = || Worker::renting(&database, folder.path(), &fake);
    let mut workers = [start(), start()];
    let mut events = database.count("select count(*) from run_events").await;
    for _ in 0..KILLS {
        break_something(&fake, &mut random);
        events += random.random_range(3..10);
        events_reach(&database, events).await;
        let victim = usize::from(random.random::<bool>());
        std::mem::replace(&mut workers[victim], start()).kill_9();
    }
    let [one, other] = workers;
    assert!(one.ended().await && other.ended().await, "a worker did not end in order");
    fake.fault(|faults| *faults = Faults::default());
    // A worker that dies in the middle of a create, before a list that lags, may leave a pod that no teardown can know.
    let reaped = fake.counts().0;
    let services = runs::renting_services(&database, folder.path(), &fake);
    reap(&services).await.unwrap();
    let (live, ever) = fake.counts();
    let what = format!("{KILLS} × kill -9 on a cloud with faults, {ever} pods, {reaped} left to the reaper");
    all_is_well(&database, folder.path(), RUNS.into(), &what).await;
    assert_eq!(live, 0, "pods are left at the cloud");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_past_its_lease_wakes_up_to_find_its_work_taken_over() {
    let (database, folder, engine) = (TestDatabase::new().await, public_folder(), engine().await);
    start_runs(&database, &engine, 3).await;
    let stopped = Worker::start(&database, folder.path());
    let holds = "select count(*) from step_runs where status = 'running' and name like 'concurrency:%'";
    eventually("a level under way", async || (database.count(holds).await > 0).then_some(())).await;
    stopped.signal(Signal::SIGSTOP);
    let other = Worker::start(&database, folder.path());
    let lost = "select count(*) from step_attempts where outcome = 'lost'";
    eventually("its step taken over", async || (database.count(lost).await > 0).then_some(())).await;
    stopped.signal(Signal::SIGCONT);
    assert!(other.ended().await && stopped.ended().await, "a worker did not end in order");
    all_is_well(&database, folder.path(), 3, "SIGSTOP past the lease").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_again_and_again_costs_no_result() {
    const CRASHES: usize = 4;
    let (database, folder, engine) = (TestDatabase::alone().await, public_folder(), engine().await);
    start_runs(&database, &engine, 4).await;
    let mut random = SmallRng::seed_from_u64(seed());
    let workers = [Worker::start(&database, folder.path()), Worker::start(&database, folder.path())];
    let mut events = database.count("select count(*) from run_events").await;
    for crash in 0..CRASHES {
        events += random.random_range(6..15);
        events_reach(&database, events).await;
        if crash % 2 == 0 {
            database.crash_server().await;
            continue;
        }
        // One killed server process, and PostgreSQL ends all others and recovers from its log, as after a power cut.
        let backend = eventually("a server process", async || {
            database.count_if_up("select pg_backend_pid()::bigint").await
        })
        .await;
        kill(Pid::from_raw(i32::try_from(backend).unwrap()), Signal::SIGKILL).unwrap();
    }
    let [one, other] = workers;
    assert!(one.ended().await && other.ended().await, "a worker did not end in order");
    eventually("the database's recovery", async || database.count_if_up("select 1::bigint").await).await;
    all_is_well(&database, folder.path(), 4, &format!("{CRASHES} crashes of PostgreSQL")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_ends_though_its_database_is_gone_and_its_step_goes_on_elsewhere() {
    let (database, folder, engine) = (TestDatabase::alone().await, public_folder(), engine().await);
    start_runs(&database, &engine, 2).await;
    let worker = Worker::start(&database, folder.path());
    let holds = "select count(*) from step_runs where status = 'running' and name like 'concurrency:%'";
    eventually("a level under way", async || (database.count(holds).await > 0).then_some(())).await;
    let ended = database
        .without_server(async {
            worker.signal(Signal::SIGTERM);
            worker.ended().await
        })
        .await;
    assert!(ended, "the worker waits for a database that is gone");
    eventually("the database's recovery", async || database.count_if_up("select 1::bigint").await).await;
    assert!(Worker::start(&database, folder.path()).ended().await, "a worker did not end in order");
    all_is_well(&database, folder.path(), 2, "SIGTERM without a database").await;
}

#[tokio::test]
async fn each_promise_that_is_broken_on_purpose_is_found() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
    let breaks = [
        ("no run is stuck", "update workflow_runs set status = 'running', finished_at = null"),
        ("no step of a run that is over", "update step_runs set status = 'scheduled' where name = 'warmup'"),
        (
            "no step has two results",
            "drop index benchmark_results_one_a_step; drop index benchmark_results_no_twin;
             create temporary table twin as select * from benchmark_results limit 1;
             alter table twin drop column id;
             insert into benchmark_results (run_id, step, generation, benchmark_type, rate, benchmark_duration,
                 total_requests, successful_requests, summary, records_sha256, started_at)
             select run_id, step, generation, benchmark_type, rate, benchmark_duration,
                 total_requests, successful_requests, summary, records_sha256, started_at from twin",
        ),
        ("each level of a run that succeeded", "delete from benchmark_results"),
        ("what readers see of a run that is over", "delete from outbox"),
        ("what readers see of a run that is over", "delete from published_runs"),
        ("what readers see of a run that is over", "update published_results set request_latency = 0"),
        ("each pod of a run that is over", "update pods set state = 'created', gone_at = null"),
        ("each run that is over was torn down", "update step_runs set status = 'failed' where name = 'teardown'"),
        ("each try ended", "update step_attempts set outcome = null, finished_at = null where name = 'warmup'"),
        (
            "no level was measured twice",
            "insert into step_attempts (run_id, step, name, generation, attempt, fence, worker, finished_at, outcome)
             select run_id, step, name, generation, attempt, fence + 1000000, worker, finished_at, outcome
             from step_attempts where name = 'throughput'",
        ),
    ];
    for (promise, sql) in breaks {
        let mut tx = bench.database.pool.begin().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
        let found = invariants::check(&mut tx).await.unwrap();
        let broken: Vec<&str> = found
            .iter()
            .filter(|invariant| !invariant.broken_by.is_empty())
            .map(|invariant| invariant.promise)
            .collect();
        assert!(broken.iter().any(|broken| broken.starts_with(promise)), "{promise}: {broken:?}");
        tx.rollback().await.unwrap();
    }
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}
