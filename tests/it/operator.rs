//! Steering runs: from a named step, anew, by priority, in bulk, with a hold; and that each is in the audit log.

use dria_bench::{
    domain::{run::RunStatus, step::StepStatus},
    ledger::{
        self,
        bulk::{self, Action},
        operator,
        tokens::{self, Role},
    },
    store::{audit, events, results, runs::NewRun, steering::RunFilter},
    workflow::Executed,
};

use crate::support::{drain::Bench, runs};

async fn actions_of(bench: &Bench, target: &str) -> Vec<String> {
    let mut conn = bench.database.pool.acquire().await.unwrap();
    audit::of(&mut conn, target).await.unwrap().into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn a_retry_from_a_step_keeps_what_was_measured_before_it_and_supersedes_the_rest() {
    let bench = Bench::new(&[1, 2, 3], |_| {}).await;
    bench.drain().await;
    let pool = &bench.database.pool;
    let before = results::list(&mut pool.acquire().await.unwrap(), bench.run).await.unwrap();
    assert_eq!(before.len(), 4);

    let from = "concurrency:2".parse().unwrap();
    let generation =
        ledger::retry_from(pool, bench.tokens.as_ref(), bench.run, from, "cli:ann").await.unwrap();
    assert_eq!(generation, 2);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    let after = results::list(&mut pool.acquire().await.unwrap(), bench.run).await.unwrap();
    let generations: Vec<i32> = after.iter().map(|result| result.generation).collect();
    let mut sorted = generations.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 1, 2, 2], "throughput and one stream stay, two and three are new");
    let superseded = "select count(*) from benchmark_results where superseded_at is not null";
    assert_eq!(bench.database.count(superseded).await, 2);
    assert_eq!(actions_of(&bench, &bench.run.to_string()).await, ["run.create", "run.retry"]);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_retry_from_a_step_that_cannot_be_is_refused_and_changes_nothing() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    let retry = async |step: &str| {
        let from = step.parse().unwrap();
        let refused = ledger::retry_from(pool, bench.tokens.as_ref(), bench.run, from, "test").await;
        refused.unwrap_err().to_string()
    };
    assert!(retry("throughput").await.contains("is not over yet"));
    bench.drain().await;
    assert!(retry("concurrency:7").await.contains("its steps are provision, "));
    assert!(retry("teardown").await.contains("ends every run by itself"));
    assert_eq!((bench.run().await.generation, bench.run().await.status), (1, RunStatus::Succeeded));
    let results = "select count(*) from benchmark_results where superseded_at is null";
    assert_eq!(bench.database.count(results).await, 2);
}

#[tokio::test]
async fn a_rerun_is_a_new_run_of_the_same_request() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let pool = &bench.database.pool;
    let again = ledger::rerun(pool, bench.tokens.as_ref(), bench.run, "cli:ann").await.unwrap();
    bench.drain().await;
    let mut conn = pool.acquire().await.unwrap();
    let new = dria_bench::store::runs::get(&mut conn, again).await.unwrap().unwrap();
    assert_eq!((new.status, new.rerun_of), (RunStatus::Succeeded, Some(bench.run)));
    assert_eq!(new.spec, bench.run().await.spec);
    assert_eq!(actions_of(&bench, &bench.run.to_string()).await.last().unwrap(), "run.rerun");
}

#[tokio::test]
async fn another_priority_puts_the_waiting_step_into_the_queue_again() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    let old = bench.tokens.pop().unwrap();
    assert!(operator::prioritise(pool, bench.tokens.as_ref(), bench.run, 9, "test").await.unwrap());
    assert!(!operator::prioritise(pool, bench.tokens.as_ref(), bench.run, 9, "test").await.unwrap());
    assert!(operator::prioritise(pool, bench.tokens.as_ref(), bench.run, 10, "test").await.is_err());
    assert_eq!(bench.work(&old).await, Executed::Stale, "the old token wakes nobody");
    assert_eq!(bench.tokens.len(), 1);
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!((run.status, run.priority), (RunStatus::Succeeded, 9));
    assert!(
        operator::prioritise(pool, bench.tokens.as_ref(), bench.run, 1, "test").await.is_err(),
        "it is over"
    );
}

#[tokio::test]
async fn a_bulk_action_changes_those_that_allow_it_and_says_why_others_are_left() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let pool = &bench.database.pool;
    let live = ledger::rerun(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    let apply = async |action, filter: RunFilter| {
        bulk::apply(pool, bench.tokens.as_ref(), action, &filter, "cli:ann").await
    };
    assert!(apply(Action::Cancel, RunFilter::default()).await.is_err(), "every run is never meant");
    let elsewhere = RunFilter { gpu_id: Some("NVIDIA H200".to_owned()), ..RunFilter::default() };
    assert!(apply(Action::Cancel, elsewhere).await.unwrap().done.is_empty());

    let truth = RunFilter { engine: Some("truth".parse().unwrap()), ..RunFilter::default() };
    let outcome = apply(Action::Pause, truth.clone()).await.unwrap();
    assert_eq!(outcome.done, [live]);
    assert_eq!(outcome.left.len(), 1);
    assert!(outcome.left[0].1.contains("nothing to pause"), "{}", outcome.left[0].1);
    assert_eq!(apply(Action::Resume, truth.clone()).await.unwrap().done, [live]);
    let pending = RunFilter { status: Some(RunStatus::Pending), ..truth };
    assert_eq!(apply(Action::Cancel, pending).await.unwrap().done, [live]);
    bench.drain().await;
    let actions = actions_of(&bench, &live.to_string()).await;
    assert_eq!(actions, ["run.pause", "run.resume", "run.cancel"]);
}

#[tokio::test]
async fn a_hold_keeps_teardown_waiting_after_a_failure_and_a_cancel_ends_it() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    operator::cancel(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    bench.drain().await;
    let spec = bench.run().await.spec;
    let workflow = runs::quick_workflow(&[1]);
    let id = dria_bench::domain::ids::RunId::generate(dria_bench::clock::now());
    let new = NewRun { id, spec: &spec, definition: &workflow, queue: "steps", priority: 5, rerun_of: None };
    operator::start_holding(pool, bench.tokens.as_ref(), &new, Some(30), "cli:ann").await.unwrap();
    let bench = Bench { run: id, ..bench };
    let failing = bench.up_to("throughput").await;
    bench
        .database
        .execute("update step_runs set status = 'running', lease_until = now(), losses = 99 where name = 'throughput'")
        .await;
    assert_eq!(bench.work(&failing).await, Executed::Failed);
    let held = "select count(*) from step_runs where name = 'teardown' and status = 'scheduled'
                and run_after between now() + interval '29 minutes' and now() + interval '31 minutes'";
    assert_eq!(bench.database.count(held).await, 1);
    let mut conn = pool_of(&bench).acquire().await.unwrap();
    let said = events::after(&mut conn, id, 0).await.unwrap();
    assert!(said.iter().any(|event| event.kind == "held_for_debugging" && event.data["minutes"] == 30));

    let later = bench.tokens.pop().unwrap();
    operator::cancel(pool_of(&bench), bench.tokens.as_ref(), id, "cli:ann").await.unwrap();
    assert_eq!(bench.database.count(held).await, 0);
    assert_eq!(bench.work(&later).await, Executed::Stale);
    bench.drain().await;
    assert_eq!(bench.step("teardown").await.unwrap().status, StepStatus::Done);
    assert!(bench.run().await.status.is_terminal());
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

fn pool_of(bench: &Bench) -> &sqlx::PgPool {
    &bench.database.pool
}

#[tokio::test]
async fn a_token_is_known_by_its_digest_alone_until_it_is_revoked() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    let token = tokens::create(pool, "ci", Role::Operator, None, "cli:ann").await.unwrap();
    assert!(token.starts_with("drb_") && token.len() == 47, "{token}");
    let holder = tokens::holder(pool, &token).await.unwrap().unwrap();
    assert_eq!((holder.name.as_str(), holder.role), ("ci", Role::Operator));
    for wrong in ["", "drb_", &token[..46], &token.to_uppercase()] {
        assert_eq!(tokens::holder(pool, wrong).await.unwrap(), None, "{wrong}");
    }
    let rows: String = sqlx::query_scalar("select string_agg(t::text, ' ') from api_tokens t")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(!rows.contains(&token[4..]), "the token itself is nowhere");
    let twice = tokens::create(pool, "ci", Role::Viewer, None, "cli:ann").await.unwrap_err();
    assert!(twice.to_string().contains("revoke it first"));
    let short = tokens::create(pool, "short", Role::Admin, Some(1), "cli:ann").await.unwrap();
    bench.database.execute("update api_tokens set expires_at = now() where name = 'short'").await;
    assert_eq!(tokens::holder(pool, &short).await.unwrap(), None, "it is expired");
    tokens::revoke(pool, "ci", "cli:bob").await.unwrap();
    assert_eq!(tokens::holder(pool, &token).await.unwrap(), None);
    assert!(tokens::revoke(pool, "ci", "cli:bob").await.is_err());
    assert_eq!(actions_of(&bench, "ci").await, ["token.create", "token.revoke"]);
}
