//! What readers see of a run: made in the transaction that ends it, changed only where something changed, and never
//! replaced by an import.

use dria_bench::{
    domain::{ids::RunId, measure::summary::BenchmarkType, run::RunStatus},
    ledger,
    store::{
        database,
        publications::{self, Origin, Published, StoredPublication},
        results,
    },
};

use crate::support::drain::Bench;

async fn published(bench: &Bench) -> Option<StoredPublication> {
    let pod_id = bench.run().await.public_id?;
    publications::get(&mut bench.database.pool.acquire().await.unwrap(), &pod_id).await.unwrap()
}

/// A run as if it were another's: with its own identifier and origin.
fn copied(stored: &StoredPublication, pod_id: &str, origin: Origin) -> StoredPublication {
    let mut copy = stored.clone();
    (copy.run.pod_id, copy.run.origin) = (pod_id.to_owned(), origin);
    for result in &mut copy.results {
        result.result_id = None;
    }
    copy
}

#[tokio::test]
async fn a_run_that_ended_is_seen_by_readers_with_the_results_that_were_measured() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    bench.up_to("teardown").await;
    assert_eq!(published(&bench).await, None, "it isn't over");
    let bench = Bench::new(&[1, 2], |_| {}).await;
    bench.drain().await;
    let seen = published(&bench).await.unwrap();
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let measured = results::list(&mut conn, bench.run).await.unwrap();
    assert_eq!(seen.run.origin, Origin::Measured(bench.run));
    assert_eq!((seen.run.status, seen.version), (RunStatus::Succeeded, 1));
    assert_eq!(seen.benchmark_types, ["concurrent", "throughput"]);
    assert_eq!(
        seen.results.iter().map(|result| (result.benchmark_type, result.rate)).collect::<Vec<_>>(),
        [
            (BenchmarkType::Concurrent, Some(1)),
            (BenchmarkType::Concurrent, Some(2)),
            (BenchmarkType::Throughput, None)
        ]
    );
    for (seen, measured) in seen.results.iter().zip(&measured) {
        let columns = &measured.summary.compat;
        assert_eq!(seen.result_id, Some(measured.id));
        assert_eq!(Some(seen.output_tokens_per_second), columns.output_tokens_per_second);
        assert_eq!(Some(seen.time_to_first_token_ms), columns.time_to_first_token_ms);
        assert_eq!(seen.successful_requests.cast_unsigned(), columns.successful_requests);
        assert!(seen.measured_at > measured.started_at);
    }
    assert_eq!(seen.run.suite_started_at, measured.iter().map(|result| result.started_at).min());
    assert_eq!(seen.run.failures, []);
    assert!(!seen.run.pod_url.ends_with('/') && seen.run.port > 0, "{}", seen.run.pod_url);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_did_not_change_keeps_its_version_and_is_not_sent_again() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let mut conn = bench.database.pool.acquire().await.unwrap();
    sqlx::query("update outbox set sent_at = now()").execute(&mut *conn).await.unwrap();
    assert_eq!(publications::project(&mut conn, bench.run).await.unwrap(), Some(Published::Unchanged));
    assert_eq!(bench.database.count("select count(*) from outbox where sent_at is null").await, 0);

    let seen = published(&bench).await.unwrap();
    let mut other = seen.clone();
    other.results[0].total_requests += 1;
    let written = publications::upsert(&mut conn, &other.run, &other.results).await.unwrap();
    assert_eq!(written, Published::Written(2), "a result alone");
    other.run.llm_common_name.push('!');
    other.results.pop();
    let written = publications::upsert(&mut conn, &other.run, &other.results).await.unwrap();
    assert_eq!(written, Published::Written(3), "the run, and a result that is gone, at once");
    let now = published(&bench).await.unwrap();
    assert_eq!(
        (now.results.len(), now.benchmark_types.as_slice()),
        (1, ["concurrent".to_owned()].as_slice())
    );
    let waits = "select version from outbox where aggregate = 'run' and sent_at is null";
    assert_eq!(bench.database.count(waits).await, 3, "and it waits once");
    assert_eq!(publications::project(&mut conn, bench.run).await.unwrap(), Some(Published::Written(4)));
    let again = published(&bench).await.unwrap();
    assert_eq!((again.run, again.results), (seen.run, seen.results));
}

#[tokio::test]
async fn a_retry_changes_what_readers_see_once_it_ends() {
    let bench = Bench::new(&[1, 2], |_| {}).await;
    bench.drain().await;
    let before = published(&bench).await.unwrap();
    let from = "concurrency:2".parse().unwrap();
    ledger::retry_from(&bench.database.pool, bench.tokens.as_ref(), bench.run, from, "test").await.unwrap();
    assert_eq!(published(&bench).await.as_ref(), Some(&before), "while it goes on, as it was");
    bench.drain().await;
    let after = published(&bench).await.unwrap();
    assert_eq!(after.version, 2);
    let changed: Vec<bool> =
        before.results.iter().zip(&after.results).map(|(before, after)| before != after).collect();
    assert_eq!(changed, [false, true, false]);
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_import_is_written_without_being_sent_back_and_never_replaces_what_was_measured_here() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let seen = published(&bench).await.unwrap();
    let mut conn = bench.database.pool.acquire().await.unwrap();
    sqlx::query("delete from outbox").execute(&mut *conn).await.unwrap();

    let mongodb = copied(&seen, "abc_1-Z", Origin::Imported("mongodb:dria_benchmark".to_owned()));
    let written = publications::upsert(&mut conn, &mongodb.run, &mongodb.results).await.unwrap();
    assert_eq!(written, Published::Written(1));
    assert_eq!(bench.database.count("select count(*) from outbox").await, 0);
    let read = publications::get(&mut conn, "abc_1-Z").await.unwrap().unwrap();
    assert_eq!((read.run, read.results), (mongodb.run.clone(), mongodb.results.clone()));
    let again = publications::upsert(&mut conn, &mongodb.run, &mongodb.results).await.unwrap();
    assert_eq!(again, Published::Unchanged);

    let file = copied(&seen, "abc_2", Origin::Imported("file:a.json".to_owned()));
    publications::upsert(&mut conn, &file.run, &file.results).await.unwrap();
    assert_eq!(bench.database.count("select count(*) from outbox where aggregate_id = 'abc_2'").await, 1);

    let ours = copied(&seen, &seen.run.pod_id, Origin::Imported("file:b.json".to_owned()));
    let kept = publications::upsert(&mut conn, &ours.run, &[]).await.unwrap();
    assert_eq!(kept, Published::Kept);
    assert_eq!(published(&bench).await, Some(seen));
}

#[tokio::test]
async fn a_level_without_an_answer_is_no_result_but_a_failure_that_is_counted() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let mut conn = bench.database.pool.acquire().await.unwrap();
    sqlx::query(
        "update benchmark_results set successful_requests = 0, summary = jsonb_set(jsonb_set(summary,
             '{compat,successful_requests}', '0'), '{errors}', '{\"http_503\": 7, \"connect_refused\": 2}')
         where rate = 1",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    publications::project(&mut conn, bench.run).await.unwrap();
    let seen = published(&bench).await.unwrap();
    assert_eq!(seen.benchmark_types, ["throughput"]);
    let [failure] = seen.run.failures.as_slice() else { panic!("{:?}", seen.run.failures) };
    assert_eq!((failure.test_type, failure.rate), (BenchmarkType::Concurrent, Some(1)));
    assert_eq!(failure.error, "no request was answered; 7 failed with http_503");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_ended_under_an_earlier_version_is_caught_up_with_when_tables_are_brought_up_to_date() {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let seen = published(&bench).await.unwrap();
    let mut conn = bench.database.pool.acquire().await.unwrap();
    sqlx::raw_sql("delete from published_runs; delete from outbox").execute(&mut *conn).await.unwrap();
    drop(conn);
    database::migrate(&bench.database.pool).await.unwrap();
    let again = published(&bench).await.unwrap();
    assert_eq!((again.run, again.results), (seen.run, seen.results));
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
    let nobody = RunId::generate(dria_bench::clock::now());
    let mut conn = bench.database.pool.acquire().await.unwrap();
    assert_eq!(publications::project(&mut conn, nobody).await.unwrap(), None);
}
