//! Signals, kills and other processes: a run stops in order, or goes on where it was.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::QUICK;
use crate::support::{
    pods::eventually,
    program::{Bench, end_of},
    runs::broken_invariants,
};

/// A run with levels long enough to be met in the middle.
fn long() -> String {
    format!("{QUICK} --rates 1 --seconds 20")
}

async fn nothing_is_left(bench: &Bench) {
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

/// Whether this process, and so what it starts, was told to ignore SIGHUP, as nohup does.
fn hang_ups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_and_sigterm_cancel_a_run_that_nobody_can_be_asked_about() {
    let bench = Bench::new().await;
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut run = bench.start(&long());
        run.wait_for(&["✓ start_engine"]);
        run.signal(signal);
        // `timeout`, `make` and shells send theirs twice: to the process, and to its group.
        run.signal(signal);
        let ended = run.end();
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(ended.stderr.contains("✓ teardown") && ended.stderr.contains("was cancelled"), "{ended:?}");
        nothing_is_left(&bench).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_goes_away_leaves_the_run_to_a_worker_in_the_background() {
    let bench = Bench::new().await;
    let mut run = bench.start(&format!("{QUICK} --rates 1 --seconds 4"));
    // Long before its end, however late a busy machine lets us see it.
    run.wait_for(&["✓ start_engine"]);
    run.signal(Signal::SIGHUP);
    // Under nohup nobody's terminal can go away: the run goes on, and ends as ever.
    assert_eq!(run.end().code, Some(if hang_ups_are_ignored() { 0 } else { 130 }));
    bench.wait_for_background_workers().await;
    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await,
        1
    );
    nothing_is_left(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_puts_its_step_back_and_no_attempt_is_spent() {
    let bench = Bench::new().await;
    let mut worker = bench.start("worker");
    worker.wait_for(&["working steps"]);
    let detached = bench.run(&format!("{QUICK} --rates 1 --seconds 2 --detach"));
    assert_eq!(detached.code, Some(0), "{detached:?}");
    let id = detached.stdout.trim().to_owned();
    let mut watching = bench.start(&format!("runs show {id} --follow"));
    watching.wait_for(&["✓ warmup"]);
    let measuring = "select count(*) from step_runs where name = 'throughput' and status = 'running'";
    while bench.database.count(measuring).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.signal(Signal::SIGTERM);
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("1 run is not over"), "{ended:?}");
    let outcomes = "select count(*) from step_attempts where name = 'throughput' and outcome = 'drained'";
    assert_eq!(bench.database.count(outcomes).await, 1);
    assert_eq!(bench.database.count("select count(*) from step_runs where attempt > 1").await, 0);

    let later = bench.run("worker --until-idle");
    assert_eq!(later.code, Some(0), "{later:?}");
    assert_eq!(watching.end().code, Some(0));
    assert_eq!(
        bench.database.count("select max(attempt)::bigint from step_attempts").await,
        1,
        "the try didn't count"
    );
    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await,
        1
    );
    nothing_is_left(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_next_run_goes_on_with_the_killed_one_without_waiting_for_its_lease() {
    let bench = Bench::new().await;
    // Nobody would wait for this lease.
    let patient = |arguments: &str| {
        let mut command = bench.command(arguments);
        command.env("DRIA_BENCH_WORKER_LEASE_MS", "3600000").env("DRIA_BENCH_WORKER_HEARTBEAT_MS", "1000");
        command
    };
    let mut killed =
        crate::support::program::Running::start(&mut patient(&format!("{QUICK} --rates 1 --seconds 1")));
    killed.wait_for(&["✓ warmup"]);
    // In the middle of a step, and not between two.
    let under_way = "select count(*) from step_runs where status = 'running' and name = 'throughput'";
    eventually("a level under way", async || (bench.database.count(under_way).await > 0).then_some(())).await;
    killed.kill_9();
    let doctor = end_of(&mut patient("doctor"));
    assert!(doctor.stdout.contains("not over, and no worker is running"), "{doctor:?}");

    let next = end_of(&mut patient(&format!("{QUICK} --rates 1 --seconds 0.3")));
    assert_eq!(next.code, Some(0), "{next:?}");
    assert!(next.stderr.contains("waiting for run"), "the second has its turn after the first: {next:?}");
    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await,
        2
    );
    assert_eq!(bench.database.count("select sum(losses)::bigint from step_runs").await, 1);
    let overlapping = "select count(*) from step_runs a join step_runs b on a.run_id <> b.run_id
                       where a.name = 'provision' and b.name = 'teardown'
                         and a.started_at < b.finished_at and a.started_at > (
                           select c.started_at from step_runs c where c.run_id = b.run_id and c.name = 'provision')";
    assert_eq!(bench.database.count(overlapping).await, 0, "two runs measured each other");
    nothing_is_left(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_run_whose_worker_was_killed_cleans_up_itself() {
    let bench = Bench::new().await;
    let mut killed = bench.start(&long());
    killed.wait_for(&["✓ start_engine"]);
    killed.kill_9();
    let cancelled = bench.run("runs cancel latest --json");
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(cancelled.json()["status"], "cancelled");
    nothing_is_left(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_not_left_to_a_worker_that_is_not_there() {
    let bench = Bench::new().await;
    let refused = bench.run(&format!("{QUICK} --detach"));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("dria-bench worker"), "{refused:?}");
    assert_eq!(bench.database.count("select count(*) from workflow_runs").await, 0, "nothing was recorded");
}
