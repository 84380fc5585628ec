//! Runs are published while the server and the process that sends are killed, over and over.

use std::{process::Command, time::Duration};

use super::Pair;
use crate::support::{
    program::{Running, program},
    relay::{At, Relay},
};

const RUNS: i64 = 200;
/// Of each.
const KILLS: i64 = 3;

fn scheduler(pair: &Pair, url: &str, data: &std::path::Path) -> Command {
    let mut command = program();
    command
        .arg("scheduler")
        .env("DATABASE_URL", &pair.here.url)
        .env("DRIA_BENCH_DATA_DIR", data)
        .env("MONGODB_URL", url)
        .env("MONGODB_DATABASE", pair.target.name());
    for source in dria_bench::prices::sources::ALL {
        command.env(format!("PRICE_{}_URL", source.name().to_uppercase()), "http://127.0.0.1:1");
    }
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_end_while_the_server_and_the_sender_are_killed_are_there_once_and_equal() {
    let mut pair = Pair::alone().await;
    let data = crate::support::database::public_folder();
    let mut sender = Running::start(&mut scheduler(&pair, &pair.there.url, data.path()));
    for number in 0..RUNS {
        pair.publish(&format!("pod-{number:03}"), number).await;
        // Spread over the runs, the one half way between the other.
        let (part, place) = (number / (RUNS / (2 * KILLS)), number % (RUNS / (2 * KILLS)));
        if place == 20 && part < 2 * KILLS {
            if part % 2 == 0 {
                pair.there.kill_9();
                pair.publish(&format!("while-{number:03}"), RUNS + number).await;
                pair.there.start_again();
            } else {
                sender.kill_9();
                sender = Running::start(&mut scheduler(&pair, &pair.there.url, data.path()));
            }
            // So that each is met at work.
            tokio::time::timeout(Duration::from_secs(90), async {
                let sent = "select count(*) from outbox where sent_at is not null";
                let before = pair.here.count(sent).await;
                while pair.here.count(sent).await == before && pair.lag().await.unsent > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await
            .unwrap();
        }
    }
    pair.caught_up().await;
    sender.kill_9();
    let verified = pair.verify(false).await;
    assert!(verified.is_equal(), "{verified:?}");
    let runs = u64::try_from(RUNS + KILLS).unwrap();
    assert_eq!((verified.collections[0].there, verified.collections[1].there), (runs, 10 * runs));
    assert_eq!(pair.stored("pod_benchmarks").await.len(), runs as usize, "no duplicate");
    assert_eq!(pair.stored("benchmark_results").await.len(), 10 * runs as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_is_killed_at_its_commit_leaves_nothing_open_that_keeps_the_next_one_waiting() {
    let pair = Pair::alone().await;
    let data = crate::support::database::public_folder();
    pair.publish("pod-a", 0).await;
    let relay = Relay::start(pair.there.address(), At::Asking).await;
    let killed = Running::start(&mut scheduler(&pair, &relay.url, data.path()));
    relay.stopped.await.unwrap();
    killed.kill_9();
    let next = pair.sender();
    // The server gives up by itself what is open, after a minute.
    tokio::time::timeout(Duration::from_secs(40), pair.caught_up()).await.unwrap();
    next.stop().await;
    let verified = pair.verify(false).await;
    assert!(verified.is_equal(), "{verified:?}");
}
