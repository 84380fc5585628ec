//! Following a run: each event once, in order, whatever breaks in between.

use std::{num::NonZeroU32, time::Duration};

use dria_bench::{api, config, ledger::operator, store::events};
use futures::StreamExt;
use reqwest::{Method, Response};
use serde_json::Value;

use super::{App, problem};

/// The ids of the next `most` events of a stream, or of all until it ends.
pub(crate) async fn ids(response: Response, most: usize) -> Vec<i64> {
    let mut bytes = response.bytes_stream();
    let (mut text, mut ids) = (String::new(), Vec::new());
    while ids.len() < most {
        let Some(Ok(chunk)) = bytes.next().await else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let (Some(id), Some(data)) = (field("id:"), field("data:")) {
                assert_eq!(serde_json::from_str::<Value>(data).unwrap()["id"].to_string(), id);
                ids.push(id.parse().unwrap());
            }
            text = rest.to_owned();
        }
    }
    ids.truncate(most);
    ids
}

async fn stored(app: &App) -> Vec<i64> {
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let events = events::after(&mut conn, app.bench.run, 0).await.unwrap();
    events.into_iter().map(|event| event.id).collect()
}

fn within<F: Future>(future: F) -> tokio::time::Timeout<F> {
    tokio::time::timeout(Duration::from_mins(1), future)
}

#[tokio::test]
async fn each_event_comes_once_though_connection_and_server_are_lost() {
    let mut app = App::new().await;
    let path = format!("/api/v1/runs/{}/events", app.bench.run);
    let follow = async |app: &App, last: i64| {
        let request = app.request(Method::GET, &path).header("last-event-id", last);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response
    };
    let mut seen = ids(app.get(&path).await, 1).await;
    // The connection is gone. Two steps more happen before somebody asks again.
    app.bench.next().await;
    app.bench.next().await;
    let stream = follow(&app, *seen.last().unwrap()).await;
    let reading = tokio::spawn(ids(stream, usize::MAX));
    app.bench.next().await;
    // The server is gone in the middle of it: the stream ends, and what was read until then was read.
    let old = std::mem::replace(
        &mut app.server,
        api::serve(&config::Server::default(), app.bench.database.pool.clone()).await.unwrap(),
    );
    old.stop().await;
    seen.extend(within(reading).await.expect("a stream outlives its server").unwrap());
    let reading = tokio::spawn(ids(follow(&app, *seen.last().unwrap()).await, usize::MAX));
    app.bench.drain().await;
    seen.extend(within(reading).await.expect("a stream outlives its run").unwrap());
    assert_eq!(seen, stored(&app).await);
    let after = app.request(Method::GET, &path).header("last-event-id", *seen.last().unwrap());
    assert_eq!(after.send().await.unwrap().status(), 204, "there is nothing to come back for");
    assert_eq!(ids(app.get(&format!("{path}?after={}", seen[2])).await, usize::MAX).await, seen[3..]);
}

#[tokio::test]
async fn an_event_is_heard_of_when_it_is_committed_and_not_at_the_next_look() {
    let app = App::new().await;
    let path = format!("/api/v1/runs/{}/events?after={}", app.bench.run, stored(&app).await[0]);
    // Another run's events wake nobody here, and the session that listens is lost once.
    let mut stream = app.get(&path).await.bytes_stream();
    app.bench
        .database
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query ilike '%listen%' and pid <> pg_backend_pid()",
        )
        .await;
    operator::pause(&app.bench.database.pool, app.bench.run, "test").await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
    let first = first.expect("it waits for the next look").unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("run_paused"), "{first:?}");
}

#[tokio::test]
async fn an_address_follows_only_so_many_runs_at_once() {
    let two = NonZeroU32::new(2).unwrap();
    let app = App::with(config::Server { streams_per_address: two, ..config::Server::default() }).await;
    let path = format!("/api/v1/runs/{}/events", app.bench.run);
    let first = app.get(&path).await;
    let second = app.get(&path).await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = app.get(&path).await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(problem(refused).await.1, "too_many_streams");
    let bad = app.request(Method::GET, &path).header("last-event-id", "-1").send().await.unwrap();
    assert_eq!(problem(bad).await.2, ["Last-Event-ID"]);
    drop(first);
    app.bench.drain().await;
    assert!(!within(ids(second, usize::MAX)).await.unwrap().is_empty());
    let again = within(async {
        loop {
            let response = app.get(&path).await;
            if response.status() == 200 {
                return response;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(again.await.is_ok(), "places are given back");
}
