//! The protocol of a step, token by token: claims, fences, budgets, cancel, retry, the sweeper. Time passes by moving
//! rows, not by waiting.

use std::{sync::Arc, time::Duration};

use dria_bench::{
    domain::{kinds::ProviderKind, run::RunStatus, step::StepStatus},
    ledger::operator,
    queue::{ApalisQueue, StepToken},
    store::{attempts, results},
    truth::{Fault, FaultKind},
    workflow::{Executed, execute_one, sweep::sweep},
};
use tokio_util::sync::CancellationToken;

use crate::support::{drain::Bench, runs};

#[tokio::test]
async fn a_run_is_worked_step_by_step_and_its_tokens_are_the_engines() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    assert_eq!(run.public_id.as_deref(), Some(run.id.to_string().as_str()));
    let stored = results::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    assert_eq!(stored.len(), 3);
    for result in &stored {
        let columns = &result.summary.measured.columns;
        assert_eq!(columns.prompt_token_count, Some(4.0), "prompts have the length asked for");
        assert_eq!(columns.output_token_count, Some(4.0), "tokens are counted by the engine's own usage");
        assert_eq!(result.comparability.as_ref().unwrap().model, "truth");
    }
    let distinct = bench.server.stats();
    assert_eq!(distinct.requests, distinct.distinct_prompts, "no prompt is sent twice");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_is_not_the_steps_current_one_does_nothing() {
    let bench = Bench::new(&[1], |_| {}).await;
    let token = bench.tokens.pop().unwrap();
    let forged = StepToken::new(token.run, token.step);
    assert_eq!(bench.work(&forged).await, Executed::Stale);
    assert_eq!(bench.work(&token).await, Executed::Done);
    assert_eq!(bench.work(&token).await, Executed::Stale, "the step is done");
    assert_eq!(bench.run().await.status, RunStatus::Running);
}

#[tokio::test]
async fn a_step_that_is_held_is_left_alone_and_looked_at_again_later() {
    let bench = Bench::new(&[1], |_| {}).await;
    let token = bench.up_to("throughput").await;
    bench
        .database
        .execute(
            "update step_runs set status = 'running', lease_until = now() + interval '20 s' where name = 'throughput'",
        )
        .await;
    assert_eq!(bench.work(&token).await, Executed::Snoozed);
    assert_eq!(bench.tokens.len(), 1, "another token looks again");
    assert_eq!(bench.work(&token).await, Executed::Stale, "the old one is spent");
    // Its holder dies: the lease runs out.
    bench.database.execute("update step_runs set lease_until = now() where name = 'throughput'").await;
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    assert_eq!(bench.step("throughput").await.unwrap().losses, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_step_was_taken_over_drops_its_work() {
    let bench = Arc::new(Bench::new(&[1], |spec| spec.load.seconds = 1.0).await);
    let token = bench.up_to("throughput").await;
    let slow = {
        let (bench, token) = (Arc::clone(&bench), token.clone());
        tokio::spawn(async move { bench.work(&token).await })
    };
    while bench.step("throughput").await.unwrap().status != StepStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It stalls past its lease, and another worker finds the token.
    bench
        .database
        .execute("update step_runs set lease_until = now() - interval '1 s' where name = 'throughput'")
        .await;
    assert_eq!(bench.work(&token).await, Executed::Done);
    assert_eq!(slow.await.unwrap(), Executed::Fenced);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn errors_spend_the_error_budget_and_then_the_run_is_torn_down() {
    let bench = Bench::new(&[1], |_| {}).await;
    let token = bench.up_to("throughput").await;
    let kind = FaultKind::Status { status: 503, retry_after_s: None };
    bench.server.inject(Fault { next: u32::MAX, kind });
    assert_eq!(bench.work(&token).await, Executed::Retrying);
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!(run.status, RunStatus::Failed);
    let failure = run.error.as_ref().unwrap();
    assert!(failure.message.contains("http_503"), "{failure}");
    let throughput = bench.step("throughput").await.unwrap();
    assert_eq!((throughput.status, throughput.losses), (StepStatus::Failed, 0));
    let tries = attempts::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    let failed = tries.iter().filter(|attempt| attempt.outcome.as_deref() == Some("error")).count();
    let budget = run.workflow().unwrap().steps[4].retry.max_attempts;
    assert_eq!(failed, budget as usize, "every try is on record");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_error_that_will_come_back_is_not_tried_again() {
    // Nobody listens at the port.
    let bench = Bench::new(&[1], |spec| spec.machine.url = Some("http://127.0.0.1:9".to_owned())).await;
    bench.drain().await;
    assert_eq!(bench.run().await.error.unwrap().code, "engine_unreachable");
    assert_eq!(bench.step("provision").await.unwrap().attempt, 1);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn lost_workers_spend_a_budget_of_their_own() {
    let bench = Bench::new(&[1], |_| {}).await;
    let token = bench.up_to("warmup").await;
    let budget = bench.run().await.workflow().unwrap().steps[3].retry.max_losses;
    bench
        .database
        .execute(format!(
            "update step_runs set status = 'running', lease_until = now(), losses = {budget}, attempt = 1
             where name = 'warmup'"
        ))
        .await;
    assert_eq!(bench.work(&token).await, Executed::Failed);
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!((run.status, run.error.unwrap().code.as_str()), (RunStatus::Failed, "worker_lost"));
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancel_ends_a_waiting_step_at_once_and_goes_through_teardown() {
    let bench = Bench::new(&[1], |_| {}).await;
    let waiting = bench.up_to("concurrency:1").await;
    let pool = &bench.database.pool;
    assert!(operator::cancel(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap());
    assert!(!operator::cancel(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap(), "asked twice");
    assert_eq!(bench.work(&waiting).await, Executed::Stale);
    assert_eq!(bench.next().await, Executed::Done);
    assert_eq!(bench.run().await.status, RunStatus::Cancelled);
    assert_eq!(
        bench.database.count("select count(*) from benchmark_results").await,
        1,
        "what was measured stays"
    );
    assert!(operator::cancel(pool, bench.tokens.as_ref(), bench.run, "test").await.is_err(), "it is over");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_a_running_step_within_a_heartbeat() {
    let bench = Arc::new(Bench::new(&[1], |spec| spec.load.seconds = 60.0).await);
    // Warm-up is capped; the level would take a minute.
    let token = bench.up_to("throughput").await;
    let level = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.work(&token).await })
    };
    while bench.step("throughput").await.unwrap().status != StepStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    operator::cancel(&bench.database.pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), level).await.expect("the level went on");
    assert_eq!(ended.unwrap(), Executed::Cancelled);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Cancelled);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_puts_its_step_back_and_spends_no_try() {
    let bench = Arc::new(Bench::new(&[1], |spec| spec.load.seconds = 60.0).await);
    let token = bench.up_to("throughput").await;
    let shutdown = CancellationToken::new();
    let level = {
        let (bench, shutdown) = (Arc::clone(&bench), shutdown.clone());
        tokio::spawn(
            async move { execute_one(&bench.services, &token, "stopping", &shutdown).await.unwrap() },
        )
    };
    while bench.step("throughput").await.unwrap().status != StepStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shutdown.cancel();
    assert_eq!(level.await.unwrap(), Executed::Drained);
    let step = bench.step("throughput").await.unwrap();
    assert_eq!((step.status, step.attempt, step.losses), (StepStatus::Scheduled, 0, 0));
    assert_eq!(bench.tokens.len(), 1, "another worker goes on");
}

#[tokio::test]
async fn a_retry_does_the_set_up_again_and_keeps_the_measured_levels() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    let failing = bench.up_to("concurrency:2").await;
    let before = results::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    // The step is poisoned, as one that kills its workers is.
    bench
        .database
        .execute("update step_runs set status = 'running', lease_until = now(), losses = 99 where name = 'concurrency:2'")
        .await;
    assert_eq!(bench.work(&failing).await, Executed::Failed);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Failed);

    let generation =
        operator::retry(&bench.database.pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    assert_eq!(generation, 2);
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    let after = results::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    assert_eq!(after.len(), 3);
    for kept in &before {
        let same = after.iter().find(|result| result.step == kept.step).unwrap();
        assert_eq!(same.records_sha256, kept.records_sha256, "a kept level is not measured again");
        assert_eq!(same.generation, 1);
    }
    assert_eq!(
        bench.database.count("select count(*) from pods").await,
        2,
        "each generation has a pod of its own"
    );
    assert!(operator::retry(&bench.database.pool, bench.tokens.as_ref(), bench.run, "test").await.is_err());
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_same_numbers_twice_are_refused() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    let token = bench.up_to("concurrency:2").await;
    // Stands for a level that reads another's records: what is committed next has the digest of what is there.
    bench
        .database
        .execute(
            "create function twin() returns trigger language plpgsql as $$
             begin
                 new.records_sha256 := (select records_sha256 from benchmark_results where rate = 1);
                 return new;
             end $$;
             create trigger twin before insert on benchmark_results for each row execute function twin();",
        )
        .await;
    assert_eq!(bench.work(&token).await, Executed::Retrying);
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!((run.status, run.error.unwrap().code.as_str()), (RunStatus::Failed, "duplicate_result"));
    assert_eq!(
        bench.database.count("select count(*) from benchmark_results").await,
        2,
        "nothing is stored twice"
    );
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_got_lost_is_issued_again() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    bench.up_to("warmup").await;
    // apalis has no job for the step: it was lost, as when somebody deletes it.
    let before = bench.step("warmup").await.unwrap().job_key;
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 1);
    let after = bench.step("warmup").await.unwrap().job_key;
    assert_ne!(before, after);
    assert_eq!(
        bench.database.count("select count(*) from apalis.jobs j join step_runs s on s.job_key = j.id").await,
        1,
        "the new token is a job"
    );
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 0, "and that is enough");
    // A killed job wakes nobody.
    bench.database.execute("update apalis.jobs set status = 'Killed'").await;
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 1);
    // A step that is held needs no token.
    bench
        .database
        .execute(
            "delete from apalis.jobs;
             update step_runs set status = 'running', lease_until = now() + interval '1 minute' where name = 'warmup'",
        )
        .await;
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_of_the_server_that_is_put_back_keeps_no_step_waiting() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    bench.up_to("warmup").await;
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 1, "a token of apalis' own");
    // What waits was to be worked at a time that is an hour away again.
    bench
        .database
        .execute(
            "update apalis.jobs set run_at = run_at + interval '1 hour';
             update step_runs set scheduled_at = scheduled_at + interval '1 hour' where name = 'warmup'",
        )
        .await;
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 1);
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 0, "once");
    // What runs is held for more than an hour by a worker that is dead; one that lives would give a sign of it.
    bench
        .database
        .execute(
            "update step_runs set status = 'running', heartbeat_at = now() + interval '1 hour',
                                  lease_until = now() + interval '61 minutes' where name = 'warmup';
             delete from apalis.jobs",
        )
        .await;
    assert_eq!(sweep(pool, bench.tokens.as_ref(), 30.0).await.unwrap(), 1);
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_step_of_a_newer_version_is_left_for_a_worker_that_knows_it() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench
        .database
        .execute(
            r#"update workflow_runs set definition = jsonb_set(definition, '{steps,1,kind}', '"quantise"')"#,
        )
        .await;
    let token = bench.tokens.pop().unwrap();
    assert_eq!(bench.work(&token).await, Executed::Parked);
    assert_eq!(bench.step("provision").await.unwrap().status, StepStatus::Scheduled);
}

#[tokio::test]
async fn a_paused_run_starts_no_step_until_it_is_resumed() {
    let bench = Bench::new(&[1], |_| {}).await;
    let waiting = bench.up_to("throughput").await;
    let pool = &bench.database.pool;
    assert!(operator::pause(pool, bench.run, "test").await.unwrap());
    assert!(!operator::pause(pool, bench.run, "test").await.unwrap(), "asked twice");
    assert_eq!(bench.work(&waiting).await, Executed::Paused);
    assert_eq!(bench.step("throughput").await.unwrap().status, StepStatus::Scheduled);
    assert_eq!(sweep(pool, &ApalisQueue, 30.0).await.unwrap(), 0, "the sweeper leaves it alone too");
    assert!(operator::resume(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap());
    assert!(
        !operator::resume(pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap(),
        "it goes on already"
    );
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Succeeded);
    assert!(operator::pause(pool, bench.run, "test").await.is_err(), "it is over");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancel_ends_a_paused_run() {
    let bench = Bench::new(&[1], |_| {}).await;
    let waiting = bench.up_to("throughput").await;
    operator::pause(&bench.database.pool, bench.run, "test").await.unwrap();
    assert_eq!(bench.work(&waiting).await, Executed::Paused);
    operator::cancel(&bench.database.pool, bench.tokens.as_ref(), bench.run, "test").await.unwrap();
    bench.drain().await;
    assert_eq!(bench.run().await.status, RunStatus::Cancelled);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_runs_on_one_machine_take_turns_also_after_a_retry() {
    let bench = Bench::new(&[1], |_| {}).await;
    let tokens = bench.tokens.as_ref();
    let local = runs::truth_spec(&[1], ProviderKind::Local, None);
    let workflow = runs::quick_workflow(&[1]);
    operator::cancel(&bench.database.pool, tokens, bench.run, "test").await.unwrap();
    bench.drain().await;
    let first = runs::start(&bench.database, tokens, &local, &workflow, "steps@test").await;
    let second = runs::start(&bench.database, tokens, &local, &workflow, "steps@test").await;
    assert_eq!(bench.next().await, Executed::Done, "the first is provisioned");
    assert_eq!(bench.next().await, Executed::Snoozed, "the second waits");
    // The first is cancelled, and retried: it takes its turn like any other.
    operator::cancel(&bench.database.pool, tokens, first, "test").await.unwrap();
    let mut retried = false;
    while let Some(token) = bench.tokens.pop() {
        bench.work(&token).await;
        if !retried && token.run == first {
            retried = operator::retry(&bench.database.pool, tokens, first, "test").await.is_ok();
        }
    }
    assert!(retried && first != second);
    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await,
        2
    );
    // Whoever was provisioned was torn down before the other was provisioned.
    let overlaps = bench
        .database
        .count(
            "select count(*) from step_attempts a join step_attempts b on a.run_id <> b.run_id
             where a.name in ('throughput', 'concurrency:1') and b.name in ('throughput', 'concurrency:1')
               and a.started_at < b.finished_at and b.started_at < a.finished_at",
        )
        .await;
    assert_eq!(overlaps, 0);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_level_whose_answers_take_longer_than_its_window_is_measured_with_a_wider_one() {
    // 2000 tokens a millisecond apart: no answer ends within 4 × 0.3 s.
    let bench = Bench::new(&[1], |spec| spec.load.output_tokens = 2_000).await;
    bench.drain().await;
    let run = bench.run().await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    let stored = results::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    assert_eq!(stored.len(), 2);
    for result in &stored {
        let columns = &result.summary.measured.columns;
        assert!(columns.benchmark_duration >= 1.2, "widened from 0.3 s: {}", columns.benchmark_duration);
        assert!(columns.successful_requests > 0);
        assert_eq!(columns.output_token_count, Some(2_000.0));
    }
    assert_eq!(bench.database.count("select count(*) from step_attempts where outcome = 'error'").await, 0);
}
