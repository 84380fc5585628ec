//! What an operator has: the commands, the log, the metrics.

use std::{process::Command, time::Duration};

use dria_bench::{
    api::{self, Extras},
    config, http,
    ledger::tokens::{self, Role},
    sync::Target,
};
use mongodb::bson::doc;
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::Value;

use super::{PATIENCE, Pair, ours};
use crate::support::{
    program::{Ended, Running, end_of, program},
    published::ten,
};

fn command(pair: &Pair, arguments: &str) -> Command {
    let mut command = program();
    command
        .args(arguments.split_whitespace())
        .env("DATABASE_URL", &pair.here.url)
        .env("MONGODB_URL", &pair.there.url)
        .env("MONGODB_DATABASE", pair.target.name());
    command
}

fn run(pair: &Pair, arguments: &str) -> Ended {
    end_of(&mut command(pair, arguments))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_sent_shown_compared_and_repaired_by_commands() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    pair.publish("pod-b", 1).await;
    let status = run(&pair, "sync status --json").json();
    assert_eq!((&status["on"], &status["reachable"]), (&true.into(), &true.into()));
    assert_eq!(status["lag"]["unsent"], 2);
    assert!(status["lag"]["oldest_s"].as_f64().is_some());

    let sent = run(&pair, "sync run --json");
    assert_eq!((sent.code, sent.json()["sent"].as_i64()), (Some(0), Some(2)), "{sent:?}");
    let verified = run(&pair, "sync verify");
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(
        verified.stdout.contains("benchmark_results") && verified.stdout.contains("equal"),
        "{verified:?}"
    );

    pair.delete("benchmark_results", doc! { "pod_id": "pod-b" }).await;
    let differs = run(&pair, "sync verify --json");
    assert_eq!(differs.code, Some(1));
    assert_eq!(differs.json()["collections"][1]["missing"].as_array().unwrap().len(), 10);
    let repaired = run(&pair, "sync verify --repair");
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert_eq!(pair.stored("benchmark_results").await.len(), 20);

    let emptied = ["pod_benchmarks", "benchmark_results", "benchmark_suite_results"];
    for collection in emptied {
        pair.delete(collection, doc! {}).await;
    }
    let filled = run(&pair, "sync backfill");
    assert_eq!(filled.code, Some(0), "{filled:?}");
    assert!(pair.verify(false).await.is_equal());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_row_is_named_with_its_reason_and_ends_the_command_with_1() {
    let pair = Pair::new().await;
    pair.write(&ours("pod-a", 0), &ten()).await;
    pair.here.execute("update published_results set request_latency = 'Infinity' where rate = 1").await;
    let sent = run(&pair, "sync run");
    assert_eq!(sent.code, Some(1), "{sent:?}");
    let status = run(&pair, "sync status");
    assert!(
        status.stdout.contains("pod-a") && status.stdout.contains("`request_latency` is inf"),
        "{status:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_it_is_off_and_says_so_and_one_that_is_away_is_the_environments_fault() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    let off = |arguments: &str| {
        let mut command = command(&pair, arguments);
        command.env_remove("MONGODB_URL");
        command
    };
    let status = end_of(&mut off("sync status"));
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains("off: MONGODB_URL is not set"), "{status:?}");
    assert_eq!(end_of(&mut off("sync run")).code, Some(2));
    let mut scheduler = Running::start(&mut off("scheduler"));
    scheduler.wait_for(&["MONGODB_URL is not set", "nothing is published"]);
    scheduler.kill_9();

    let mut away = command(&pair, "sync run");
    away.env("MONGODB_URL", "mongodb://ann:s3cr3t@127.0.0.1:1/?replicaSet=secantus");
    let away = end_of(&mut away);
    assert_eq!(away.code, Some(3), "{away:?}");
    assert!(!away.stderr.contains("s3cr3t"), "{away:?}");
    assert_eq!(pair.lag().await.unsent, 1, "and nothing is lost");
    let url = dria_bench::config::Secret::new("postgres://ann:s3cr3t@h/");
    let settings = dria_bench::sync::Settings { url, ..pair.settings.clone() };
    let wrong = Target::open(&settings).await.unwrap_err().to_string();
    assert!(wrong.contains("MONGODB_URL") && !wrong.contains("s3cr3t"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_part_of_the_url_that_logs_in_is_in_a_log_or_a_row() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    let mut scheduler = command(&pair, "scheduler");
    scheduler
        .env("MONGODB_URL", "mongodb://ann:s3cr3t@127.0.0.1:1/?replicaSet=secantus&authSource=admin")
        .env("RUST_LOG", "trace");
    let mut scheduler = Running::start(&mut scheduler);
    scheduler.wait_for(&["publishing to MongoDB is interrupted"]);
    let told = "select count(*) from chore_reports where chore = 'sync' and report->>'error' like '%waits'";
    tokio::time::timeout(PATIENCE, async {
        while pair.here.count(told).await == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
    scheduler.signal(Signal::SIGTERM);
    let ended = scheduler.end();
    assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    let rows = "select count(*) from chore_reports where report::text like '%s3cr3t%'";
    assert_eq!(pair.here.count(rows).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_how_far_it_is_behind_and_admins_have_refused_rows_tried_again() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    pair.publish("pod-b", 1).await;
    pair.here.execute("update published_results set request_latency = 'NaN' where pod_id = 'pod-b'").await;
    let extras = Extras { publishes_to: Some(pair.target.name().to_owned()), ..Extras::default() };
    let server = api::serve_with(&config::Server::default(), pair.here.pool.clone(), extras).await.unwrap();
    let ask = async |method: Method, path: &str, role: Option<Role>| {
        let mut request =
            http::client(None).unwrap().request(method, format!("{}/api/v1/admin/{path}", server.url()));
        if let Some(role) = role {
            let name = format!("{} {path}", role.as_str());
            let token = tokens::create(&pair.here.pool, &name, role, None, "test").await;
            request = request.bearer_auth(token.unwrap());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(ask(Method::GET, "sync", None).await.0, 401);
    let sender = pair.sender();
    tokio::time::timeout(PATIENCE, async {
        while pair.lag().await.failing == 0 || pair.lag().await.unsent > 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let (code, status) = ask(Method::GET, "sync", Some(Role::Operator)).await;
    assert_eq!((code, &status["database"]), (200, &pair.target.name().into()), "{status}");
    assert_eq!((&status["lag"]["unsent"], &status["lag"]["failing"]), (&1.into(), &1.into()), "{status}");
    assert_eq!(status["refused"][0]["key"], "pod-b");
    assert!(status["refused"][0]["error"].as_str().unwrap().contains("NaN"), "{status}");

    pair.here.execute("update published_results set request_latency = 1 where pod_id = 'pod-b'").await;
    assert_eq!(ask(Method::POST, "sync/retry", Some(Role::Operator)).await.0, 403);
    let (code, again) = ask(Method::POST, "sync/retry", Some(Role::Admin)).await;
    assert_eq!((code, &again["rows"]), (200, &1.into()), "{again}");
    pair.caught_up().await;
    sender.stop().await;
    assert!(pair.verify(false).await.is_equal());
    assert_eq!(pair.here.count("select count(*) from audit_log where action = 'sync.retry'").await, 1);
}
