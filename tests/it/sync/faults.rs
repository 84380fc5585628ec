//! A server that fails: nothing is lost, nothing is blamed for what isn't its fault, and what can't be written holds up
//! nothing else.

use std::time::Duration;

use dria_bench::{
    config::Secret,
    store::outbox::{self, Turn},
    sync::{self, Error, Settings, Target},
};
use mongodb::bson::{Document, doc};

use super::{Pair, ours, pods, turn};
use crate::support::{
    published::ten,
    relay::{At, Relay},
};

async fn whole(pair: &Pair, runs: i64) {
    let runs = usize::try_from(runs).unwrap();
    assert_eq!(pair.stored("pod_benchmarks").await.len(), runs);
    assert_eq!(pair.stored("benchmark_results").await.len(), 10 * runs);
    let verified = pair.verify(false).await;
    assert!(verified.is_equal(), "{verified:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_and_a_server_that_is_no_primary_put_everything_off_and_blame_no_row() {
    let pair = Pair::alone().await;
    for (number, how) in [
        (0, doc! { "closeConnection": true }),
        (1, doc! { "errorCode": 10107 }),
        (2, doc! { "errorCode": 11600 }),
        (3, doc! { "errorCode": 189 }),
    ] {
        pair.publish(&format!("pod-{number}"), number).await;
        pair.there.fail_on(Some((&["update"], how.clone()))).await;
        let failed = pair.send().await;
        assert!(matches!(failed, Err(Error::Unavailable(_))), "{how}: {failed:?}");
        assert_eq!((pair.lag().await.unsent, pair.lag().await.failing), (1, 0), "{how}");
        pair.there.fail_on(None).await;
        pair.send_all().await;
        whole(&pair, number + 1).await;
    }
}

#[tokio::test]
async fn writers_that_meet_are_tried_again_at_once() {
    let pair = Pair::alone().await;
    let faults = [(0, "update", 112), (1, "commitTransaction", 112), (2, "update", 251)];
    for (number, command, code) in faults {
        pair.publish(&format!("pod-{number}"), number).await;
        let how = doc! { "errorCode": code, "errorLabels": ["TransientTransactionError"] };
        pair.there.fail(2, &[command], how).await;
        pair.send_all().await;
        whole(&pair, number + 1).await;
    }
}

#[tokio::test]
async fn a_key_that_is_taken_by_a_newer_version_needs_no_sending_and_by_somebody_else_is_a_refusal() {
    let pair = Pair::new().await;
    let newer = doc! { "github_id": 7, "username": "newer", "sync_version": 99_i64 };
    pair.there.insert("users", vec![newer, doc! { "github_id": 99, "username": "user-8" }]).await;
    let by_name = doc! { "key": { "username": 1 }, "name": "theirs", "unique": true };
    let index = doc! { "createIndexes": "users", "indexes": [by_name] };
    pair.there.database.run_command(index).await.unwrap();
    for github_id in [7, 8, 9] {
        pair.sign_in(github_id).await;
    }
    let sent = pair.send().await.unwrap();
    assert_eq!((sent.sent, sent.refused), (2, 1));
    assert_eq!(pair.one("users", doc! { "github_id": 7 }).await.get_str("username").unwrap(), "newer");
    let refused = pair.refused().await;
    assert!(refused[0].key == "8" && refused[0].error.contains("code 11000"), "{refused:?}");

    // In a transaction, where the first refusal ends all of it.
    pair.publish("pod-a", 0).await;
    pair.publish("pod-b", 1).await;
    let newer = doc! { "pod_id": "pod-a", "benchmark_type": "concurrent", "rate": 3, "sync_version": 99_i64 };
    pair.there.insert("benchmark_results", vec![newer]).await;
    let sent = pair.send().await.unwrap();
    assert_eq!((sent.sent, sent.refused), (1, 1));
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), ["pod-b"], "a run in part is none");
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_changes_nothing() {
    let pair = Pair::alone().await;
    pair.publish("pod-a", 0).await;
    pair.there.fail(1, &["commitTransaction"], doc! { "closeConnection": true }).await;
    let _ = pair.send().await;
    pair.send_all().await;
    whole(&pair, 1).await;
}

#[tokio::test]
async fn a_server_that_is_killed_at_a_commit_and_asked_again_when_it_is_back_has_the_run_once() {
    for at in [At::Asking, At::Answer] {
        let mut pair = Pair::alone().await;
        pair.publish("pod-a", 0).await;
        let relay = Relay::start(pair.there.address(), at).await;
        let settings = Settings { url: Secret::new(relay.url.clone()), ..pair.settings.clone() };
        let target = Target::open(&settings).await.unwrap();
        let pool = pair.here.pool.clone();
        let sending = tokio::spawn(async move { sync::send_due(&pool, &target).await });
        relay.stopped.await.unwrap();
        pair.there.kill_9();
        pair.there.start_again();
        let there = pair.stored("pod_benchmarks").await.len();
        assert_eq!(there, usize::from(matches!(at, At::Answer)), "{at:?}: what was confirmed is there");
        relay.go_on.send(()).unwrap();
        // It asks for the commit once more, of a server that knows of no such transaction, and writes it again.
        let sent = sending.await.unwrap().unwrap();
        assert_eq!((sent.sent, sent.refused), (1, 0), "{at:?}");
        whole(&pair, 1).await;
    }
}

#[tokio::test]
async fn a_row_that_the_server_refuses_waits_with_its_reason_and_holds_up_nobody() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    pair.publish("pod-b", 1).await;
    pair.publish("pod-c", 2).await;
    pair.here
        .execute("update published_results set request_latency = 'NaN' where pod_id = 'pod-b' and rate = 3")
        .await;
    let sent = pair.send().await.unwrap();
    assert_eq!((sent.sent, sent.refused), (2, 1));
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), ["pod-a", "pod-c"]);
    assert_eq!(pair.found("benchmark_results", doc! { "pod_id": "pod-b" }).await, [] as [Document; 0]);
    let refused = pair.refused().await;
    assert_eq!((refused.len(), refused[0].key.as_str(), refused[0].attempts), (1, "pod-b", 1));
    assert!(refused[0].error.contains("`request_latency` is NaN"), "{refused:?}");
    assert!(refused[0].next_try_at.is_some());
    assert_eq!(pair.send().await.unwrap().refused, 0, "it isn't tried again at once");
    let verified = pair.verify(false).await;
    assert!(!verified.is_equal());
    assert!(verified.collections[0].missing.iter().any(|key| key.contains("pod-b")), "{verified:?}");

    // Measured again, it goes at once.
    pair.write(&ours("pod-b", 1), &ten()).await;
    pair.send_all().await;
    assert_eq!(pair.refused().await, []);
    assert!(pair.verify(false).await.is_equal());
}

#[tokio::test]
async fn a_document_that_the_servers_own_rules_refuse_is_told_from_a_server_that_is_away() {
    let pair = Pair::alone().await;
    pair.publish("pod-a", 0).await;
    // 121: the owner of the database asks for more of a document than we have.
    pair.there.fail(8, &["update"], doc! { "errorCode": 121 }).await;
    let sent = pair.send().await.unwrap();
    assert_eq!((sent.sent, sent.refused), (0, 1), "{:?}", pair.refused().await);
    pair.there.fail_on(None).await;
    outbox::try_now(&mut pair.here.pool.acquire().await.unwrap()).await.unwrap();
    pair.send_all().await;
    whole(&pair, 1).await;
}

#[tokio::test]
async fn a_server_that_is_away_for_long_finds_everything_waiting_and_how_long_it_waited_is_shown() {
    let mut pair = Pair::alone().await;
    pair.there.kill_9();
    for number in 0..5 {
        pair.publish(&format!("pod-{number}"), number).await;
    }
    pair.here.execute("update outbox set queued_at = queued_at - interval '3 days'").await;
    let lag = pair.lag().await;
    assert_eq!((lag.unsent, lag.failing), (5, 0));
    assert!(lag.oldest_s.unwrap() > 3.0 * 86_400.0 - 1.0, "{lag:?}");
    let sender = pair.sender();
    let said = loop {
        let mut conn = pair.here.pool.acquire().await.unwrap();
        if let Some(last) =
            dria_bench::store::chores::last(&mut conn, dria_bench::sync::REPORT).await.unwrap()
        {
            break last.report;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(said["error"].as_str().unwrap().contains("waits"), "{said}");
    assert_eq!(pair.lag().await.unsent, 5);
    pair.there.start_again();
    pair.caught_up().await;
    sender.stop().await;
    whole(&pair, 5).await;
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), ["pod-0", "pod-1", "pod-2", "pod-3", "pod-4"]);
}

#[tokio::test]
async fn the_sender_is_woken_by_what_is_appended_and_goes_on_after_each_failure_by_itself() {
    let pair = Pair::alone().await;
    let sender = pair.sender();
    for (number, how) in
        [(0, doc! { "closeConnection": true }), (1, doc! { "errorCode": 10107 }), (2, doc! {})]
    {
        if !how.is_empty() {
            pair.there.fail(2, &["update", "commitTransaction"], how).await;
        }
        pair.publish(&format!("pod-{number}"), number).await;
        pair.caught_up().await;
    }
    sender.stop().await;
    whole(&pair, 3).await;
}

#[tokio::test]
async fn one_at_a_time_sends() {
    let pair = Pair::new().await;
    let held = turn(&pair).await;
    assert!(Turn::take(&pair.here.pool).await.unwrap().is_none());
    let sender = pair.sender();
    pair.publish("pod-a", 0).await;
    tokio::time::timeout(Duration::from_millis(500), pair.caught_up()).await.unwrap_err();
    held.give_back().await.unwrap();
    pair.caught_up().await;
    assert!(Turn::take(&pair.here.pool).await.unwrap().is_none(), "the sender has it now");
    sender.stop().await;
    whole(&pair, 1).await;
}
