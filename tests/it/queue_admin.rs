//! Steering queues and their jobs: what a pause holds back and what not, what may be done to a job, and that a look
//! stays cheap however much is over.

use std::sync::Arc;

use dria_bench::{
    domain::{ids::RunId, job::JobState, kinds::ProviderKind, run::RunStatus, step::StepStatus},
    ledger::{
        Error,
        jobs::{self as steer, Retried},
        operator, queues as control,
        sweep::sweep,
    },
    queue::{ApalisQueue, StepToken},
    store::{
        attempts, audit, dead, events,
        jobs::{self, JobFilter},
        queues::{self, Queue},
        steps, workers,
    },
    workflow::{Executed, Services, execute_one},
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Bench,
    program, runs,
};

async fn queue_of(database: &TestDatabase, name: &str) -> Queue {
    let all = queues::list(&mut database.pool.acquire().await.unwrap(), 30.0).await.unwrap();
    all.into_iter().find(|queue| queue.name == name).unwrap()
}

#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    let waiting = bench.up_to("warmup").await;
    assert!(control::pause(pool, "steps", Some("upgrade"), "cli:ann").await.unwrap());
    assert!(!control::pause(pool, "steps", None, "cli:bob").await.unwrap(), "asked twice");
    assert_eq!(bench.work(&waiting).await, Executed::Paused);
    assert_eq!(bench.step("warmup").await.unwrap().status, StepStatus::Scheduled);
    assert_eq!(sweep(pool, bench.tokens.as_ref(), 30.0).await.unwrap(), 0, "the sweeper leaves it alone");
    let paused = queue_of(&bench.database, "steps").await;
    assert_eq!((paused.held, paused.queued, paused.paused_by.as_deref()), (1, 0, Some("cli:ann")));
    assert_eq!(paused.reason.as_deref(), Some("upgrade"));

    assert!(control::resume(pool, bench.tokens.as_ref(), "steps", 30.0, "cli:bob").await.unwrap());
    assert!(!control::resume(pool, bench.tokens.as_ref(), "steps", 30.0, "cli:bob").await.unwrap());
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    let entries = audit::of(&mut pool.acquire().await.unwrap(), "steps").await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    assert_eq!(actions, [("cli:ann", "queue.pause"), ("cli:bob", "queue.resume")]);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_teardown_goes_on_in_a_paused_queue() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    bench.up_to("warmup").await;
    control::pause(pool, "steps", None, "test").await.unwrap();
    operator::cancel(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Cancelled);
    assert_eq!(bench.step("teardown").await.unwrap().status, StepStatus::Done);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_lost_teardown_token_is_issued_again_under_a_pause() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    bench.up_to("teardown").await;
    control::pause(pool, "steps", None, "test").await.unwrap();
    assert_eq!(sweep(pool, bench.tokens.as_ref(), 30.0).await.unwrap(), 1);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_queue_that_is_none_is_not_paused_and_the_known_ones_are_named() {
    let bench = Bench::new(&[1], |_| {}).await;
    let refused = control::pause(&bench.database.pool, "stpes", None, "test").await.unwrap_err();
    assert!(matches!(refused, Error::Unknown(_)));
    assert!(refused.to_string().contains("there are steps"), "{refused}");
}

/// A run whose tokens are real rows of the queue, and nobody who works them.
struct Queued {
    database: TestDatabase,
    services: Services,
    run: RunId,
    _folder: tempfile::TempDir,
}

impl Queued {
    async fn new() -> Self {
        let (database, folder) = (TestDatabase::new().await, public_folder());
        let services = runs::services(&database, Arc::new(ApalisQueue), folder.path());
        // Nothing listens at this address: the first step fails.
        let spec = runs::truth_spec(&[1], ProviderKind::Endpoint, Some("http://127.0.0.1:9".to_owned()));
        let workflow = runs::quick_workflow(&[1]);
        let run = runs::start(&database, &ApalisQueue, &spec, &workflow, "steps").await;
        Self { database, services, run, _folder: folder }
    }

    /// The job of the step that waits.
    async fn current(&self) -> StepToken {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let step = steps::current(&mut conn, self.run).await.unwrap().unwrap();
        let all = steps::list(&mut conn, self.run).await.unwrap();
        let key = all.into_iter().find(|row| row.step == step).unwrap().job_key;
        StepToken { run: self.run, step, key }
    }

    async fn work(&self, token: &StepToken) -> Executed {
        let executed =
            execute_one(&self.services, token, "test-worker", &CancellationToken::new()).await.unwrap();
        let done =
            format!("update apalis.jobs set status = 'Done', done_at = now() where id = '{}'", token.key);
        self.database.execute(done).await;
        executed
    }

    async fn states(&self, filter: JobFilter) -> Vec<(String, JobState)> {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let all = jobs::list(&mut conn, &filter, 100).await.unwrap();
        all.into_iter().map(|job| (job.id, job.state)).collect()
    }

    async fn run_to_its_end(&self) {
        loop {
            let mut conn = self.database.pool.acquire().await.unwrap();
            if steps::current(&mut conn, self.run).await.unwrap().is_none() {
                return;
            }
            drop(conn);
            self.work(&self.current().await).await;
        }
    }

    fn refusal<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
        match outcome.unwrap_err() {
            Error::Refused(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_job_is_listed_by_its_state_with_the_step_that_it_wakes() {
    let queued = Queued::new().await;
    let token = queued.current().await;
    let of = |state| JobFilter { state: Some(state), ..JobFilter::default() };
    assert_eq!(queued.states(JobFilter::default()).await, [(token.key.clone(), JobState::Queued)]);
    for (sql, state) in [
        ("run_at = now() + interval '1 hour'", JobState::Scheduled),
        ("run_at = now() - interval '1 s', status = 'Running'", JobState::Running),
        ("status = 'Queued'", JobState::Running),
        ("status = 'Failed', attempts = 3", JobState::Queued),
        ("attempts = max_attempts", JobState::Failed),
        ("status = 'Killed'", JobState::Failed),
        ("status = 'Done'", JobState::Done),
    ] {
        queued.database.execute(format!("update apalis.jobs set {sql}")).await;
        for other in JobState::ALL {
            let expected = if *other == state { vec![(token.key.clone(), state)] } else { Vec::new() };
            assert_eq!(queued.states(of(*other)).await, expected, "{sql}: {other}");
        }
    }
    let mut conn = queued.database.pool.acquire().await.unwrap();
    let job = jobs::get(&mut conn, &token.key).await.unwrap().unwrap();
    let wakes = job.wakes.unwrap();
    assert_eq!((wakes.run, wakes.name.as_deref(), wakes.current), (queued.run, Some("provision"), true));
    let elsewhere = JobFilter { queue: Some("steps@elsewhere".to_owned()), ..JobFilter::default() };
    assert_eq!(queued.states(elsewhere).await, []);
}

#[tokio::test]
async fn a_retry_wakes_a_step_in_back_off_and_its_old_job_wakes_nothing() {
    let queued = Queued::new().await;
    let waiting = queued.current().await;
    queued.database.execute("update step_runs set run_after = now() + interval '1 hour'").await;
    let pool = &queued.database.pool;

    let woken = steer::retry(pool, &ApalisQueue, &waiting.key, "cli:ann").await.unwrap();
    assert_eq!(woken, Retried::Woken { run: queued.run, step: "provision".to_owned() });
    let late = "select count(*) from step_runs where run_after > now()";
    assert_eq!(queued.database.count(late).await, 0);
    assert_eq!(queued.work(&waiting).await, Executed::Stale);
    let spent = steer::retry(pool, &ApalisQueue, &waiting.key, "cli:ann").await;
    assert!(Queued::refusal(spent).contains("wakes nothing any more"));
    let mut conn = pool.acquire().await.unwrap();
    let kinds = events::after(&mut conn, queued.run, 0).await.unwrap();
    assert!(kinds.iter().any(|event| event.kind == "step_woken" && event.actor == "cli:ann"));
    assert_eq!(audit::of(&mut conn, &waiting.key).await.unwrap()[0].action, "job.retry");
    let unknown = steer::retry(pool, &ApalisQueue, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "test").await;
    assert!(matches!(unknown, Err(Error::Unknown(_))));
}

#[tokio::test]
async fn a_step_in_a_workers_hands_and_a_paused_run_are_not_retried() {
    let queued = Queued::new().await;
    let (token, pool) = (queued.current().await, &queued.database.pool);
    operator::pause(pool, queued.run, "test").await.unwrap();
    let refused = steer::retry(pool, &ApalisQueue, &token.key, "test").await;
    assert!(Queued::refusal(refused).contains("resume it instead"));
    operator::resume(pool, &ApalisQueue, queued.run, "test").await.unwrap();
    let token = queued.current().await;
    queued
        .database
        .execute("update step_runs set status = 'running', lease_until = now() + interval '1 minute'")
        .await;
    let refused = steer::retry(pool, &ApalisQueue, &token.key, "test").await;
    assert!(Queued::refusal(refused).contains("it does not wait"));
}

#[tokio::test]
async fn a_dead_letter_is_retried_as_its_run_is() {
    let queued = Queued::new().await;
    queued.run_to_its_end().await;
    let pool = &queued.database.pool;
    let letters = dead::list(&mut pool.acquire().await.unwrap(), None, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].run, letters[0].name.as_str()), (queued.run, "provision"));
    assert!(letters[0].error.is_some());
    let past = Some((letters[0].at, letters[0].run, letters[0].step));
    assert!(dead::list(&mut pool.acquire().await.unwrap(), past, 10).await.unwrap().is_empty());
    let retried = steer::retry(pool, &ApalisQueue, &letters[0].job, "test").await.unwrap();
    assert_eq!(retried, Retried::Reopened { run: queued.run, generation: 2 });
    assert!(dead::list(&mut pool.acquire().await.unwrap(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cancelled_job_cancels_its_run_through_teardown() {
    let queued = Queued::new().await;
    let (token, pool) = (queued.current().await, &queued.database.pool);
    let (run, news) = steer::cancel(pool, &ApalisQueue, &token.key, "cli:ann").await.unwrap();
    assert_eq!((run, news), (queued.run, true));
    let spent = steer::cancel(pool, &ApalisQueue, &token.key, "cli:ann").await;
    assert!(Queued::refusal(spent).contains("wakes nothing any more"));
    queued.run_to_its_end().await;
    let cancelled = "select count(*) from workflow_runs where status = 'cancelled'";
    assert_eq!(queued.database.count(cancelled).await, 1);
}

#[tokio::test]
async fn only_a_job_that_is_over_is_deleted() {
    let queued = Queued::new().await;
    let (token, pool) = (queued.current().await, &queued.database.pool);
    let waiting = steer::delete(pool, &token.key, "test").await;
    assert!(Queued::refusal(waiting).contains("only jobs that are over"));
    queued.database.execute("update apalis.jobs set status = 'Done'").await;
    let tied = steer::delete(pool, &token.key, "test").await;
    assert!(Queued::refusal(tied).contains("still tied to it"), "its step still waits");
    queued.work(&token).await;
    steer::delete(pool, &token.key, "cli:ann").await.unwrap();
    assert!(matches!(steer::delete(pool, &token.key, "test").await, Err(Error::Unknown(_))));
    let entry = audit::of(&mut pool.acquire().await.unwrap(), &token.key).await.unwrap().remove(0);
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("cli:ann", "job.delete"));
}

/// A step that only a newer version knows is parked with one token that looks again: no sweep of any version issues
/// another, and nothing is written of it. Once it is known it is worked.
#[tokio::test]
async fn a_step_of_a_newer_version_waits_for_it_without_keeping_anybody_busy() {
    let queued = Queued::new().await;
    let pool = &queued.database.pool;
    queued
        .database
        .execute(
            "update workflow_runs set definition = jsonb_set(definition, '{steps,1,kind}', '\"quantise\"')",
        )
        .await;
    let token = queued.current().await;
    let events = "select count(*) from run_events";
    let before = queued.database.count(events).await;
    assert_eq!(queued.work(&token).await, Executed::Parked);
    for _ in 0..3 {
        assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 0);
    }
    let later = queued.current().await;
    assert_ne!(later.key, token.key);
    let open = "select count(*) from apalis.jobs where status <> 'Done' and run_at > now() + interval '3 s'";
    assert_eq!((queued.database.count(open).await, queued.database.count(events).await), (1, before));
    let waited = "update step_runs set scheduled_at = now() - interval '1 day'";
    queued.database.execute(waited).await;
    assert_eq!(queued.work(&later).await, Executed::Parked);
    let rarely =
        "select count(*) from apalis.jobs where status <> 'Done' and run_at > now() + interval '58 s'";
    assert_eq!(
        queued.database.count(rarely).await,
        1,
        "the longer it waits, the more rarely it is looked at"
    );

    queued
        .database
        .execute(
            "update workflow_runs set definition = jsonb_set(definition, '{steps,1,kind}', '\"pull_model\"')",
        )
        .await;
    assert_ne!(queued.work(&queued.current().await).await, Executed::Parked, "its step is worked");
    let tries = attempts::list(&mut pool.acquire().await.unwrap(), queued.run).await.unwrap();
    assert_eq!(tries.len(), 1);
}

/// Rows that a look at the jobs read, by a scan and through indexes.
async fn rows_read(database: &TestDatabase, filter: &JobFilter) -> (i64, i64) {
    let mut tx = database.pool.begin().await.unwrap();
    jobs::list(&mut tx, filter, 50).await.unwrap();
    sqlx::query_as(
        "select coalesce(seq_tup_read, 0)::bigint, coalesce(idx_tup_fetch, 0)::bigint
         from pg_stat_xact_all_tables where relid = 'apalis.jobs'::regclass",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_look_at_a_hundred_thousand_jobs_reads_a_page_of_them() {
    let queued = Queued::new().await;
    queued
        .database
        .execute(
            "insert into apalis.jobs (id, job_type, job, status, run_at, done_at, max_attempts, attempts)
             select '01BX5ZZKBKACTAV9WEVG' || lpad(n::text, 6, '0'),
                    case when n % 1000 = 0 then 'steps@rare' else 'steps' end, '{}'::bytea, 'Done', now(), now(), 25, 1
             from generate_series(1, 100000) n;
             analyze apalis.jobs",
        )
        .await;
    let any_or_one = [None, Some("steps".to_owned()), Some("steps@rare".to_owned())];
    let states: Vec<_> = [None].into_iter().chain(JobState::ALL.iter().copied().map(Some)).collect();
    for queue in any_or_one {
        for state in &states {
            for before in [None, Some("01BX5ZZKBKACTAV9WEVG050000".to_owned())] {
                let filter = JobFilter { queue: queue.clone(), state: *state, before };
                let (scanned, fetched) = rows_read(&queued.database, &filter).await;
                // Pages of 50, joined to what they wake. Which index serves is the planner's choice, by its samples.
                assert!(scanned == 0 && fetched <= 1000, "{filter:?} read {scanned} and {fetched} rows");
            }
        }
    }
}

#[tokio::test]
async fn a_worker_is_listed_with_what_it_works_on_until_it_is_gone() {
    let queued = Queued::new().await;
    queued
        .database
        .execute(
            "insert into apalis.workers (id, worker_type, storage_name, last_seen, started_at)
             values ('aaaaaaaaaaaa-x-1-y', 'steps', 's', now(), now()),
                    ('bbbbbbbbbbbb-x-1-y', 'steps', 's', 'epoch', now());
             update step_runs set status = 'running', lease_until = now() + interval '1 minute',
                                  worker = 'aaaaaaaaaaaa-x-1-y'",
        )
        .await;
    let mut conn = queued.database.pool.acquire().await.unwrap();
    let alive = workers::list(&mut conn, 30.0, true, 10).await.unwrap();
    assert_eq!(alive.len(), 1);
    assert_eq!((alive[0].host.as_str(), alive[0].works[0].step.as_str()), ("aaaaaaaaaaaa", "provision"));
    let all = workers::list(&mut conn, 30.0, false, 10).await.unwrap();
    assert_eq!(all.iter().map(|worker| worker.alive).collect::<Vec<_>>(), [true, false]);
    assert_eq!((all[1].last_seen, all[1].works.len()), (None, 0));
    assert_eq!(queue_of(&queued.database, "steps").await.workers, 1);
}

#[tokio::test]
async fn commands_list_and_steer_as_json() {
    let bench = program::Bench::new().await;
    let spec = runs::truth_spec(&[1], ProviderKind::Endpoint, Some("http://127.0.0.1:9".to_owned()));
    let run = runs::start(&bench.database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), "steps").await;

    let unknown = bench.run("queues pause nowhere");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("there are steps"), "{unknown:?}");
    assert_eq!(bench.run("queues pause steps --reason upgrade --json").json()["paused"], true);
    let queues = bench.run("queues list --json").json();
    assert_eq!((&queues[0]["name"], &queues[0]["held"]), (&"steps".into(), &1.into()));
    let jobs = bench.run("jobs list --state queued --queue steps --json").json();
    let job = jobs[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(jobs[0]["wakes"]["run"], run.to_string());
    let table = bench.run("queues list").stdout;
    assert!(table.contains("paused by cli:") && table.contains(": upgrade"), "{table}");
    assert!(bench.run(&format!("jobs show {job}")).stdout.contains("wakes provision of run"));
    assert_eq!(bench.run(&format!("jobs delete {job}")).code, Some(2), "it wants --yes");
    let live = bench.run(&format!("jobs delete {job} --yes"));
    assert_eq!(live.code, Some(1), "{live:?}");
    assert_eq!(bench.run(&format!("jobs cancel {job} --json")).json()["run"], run.to_string());
    assert_eq!(bench.run("queues resume steps --json").json()["paused"], false);
    assert_eq!(bench.run("jobs dead --json").json(), serde_json::json!([]));
    assert_eq!(bench.run("workers list --json").json(), serde_json::json!([]));
}
