//! Many at once: counts never drift, and nobody waits in a circle.

use std::sync::Arc;

use dria_bench::community;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::App;

#[tokio::test]
async fn fifty_voters_at_once_of_whom_half_repeat_and_take_back_leave_the_right_counts() {
    let app = Arc::new(App::new().await);
    let author = app.sign_in(1000).await;
    let comment = app.comment(&author, "pod-a", "vote for this", None).await;
    let mut voters = JoinSet::new();
    for number in 1..=50_i64 {
        let (app, comment) = (Arc::clone(&app), comment.clone());
        voters.spawn(async move {
            let token = app.sign_in(number).await;
            let (pod, which) = (json!({ "pod_id": "pod-a" }), json!({ "comment_id": comment }));
            let (voted, liked) = tokio::join!(
                app.post("/upvote_pod", &token, pod.clone()),
                app.post("/add_like", &token, which.clone())
            );
            assert_eq!((voted.0, liked.0), (StatusCode::OK, StatusCode::OK));
            if number % 2 == 0 {
                // The same twice at once, and then back and forth: one of each pair counts.
                let (one, other) = tokio::join!(
                    app.post("/upvote_pod", &token, pod.clone()),
                    app.post("/add_like", &token, which.clone())
                );
                assert_eq!((one.0, other.0), (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST));
                let (one, other) = tokio::join!(
                    app.post("/remove_upvote_from_pod", &token, pod.clone()),
                    app.post("/remove_upvote_from_pod", &token, pod.clone()),
                );
                let mut both = [one.0.as_u16(), other.0.as_u16()];
                both.sort_unstable();
                assert_eq!(both, [200, 400]);
                let path = format!("/api/v1/comments/{comment}/like");
                let (one, other) = tokio::join!(
                    app.ask(Method::DELETE, &path, &token, Value::Null),
                    app.ask(Method::DELETE, &path, &token, Value::Null),
                );
                assert_eq!((one.0, other.0), (StatusCode::OK, StatusCode::OK), "harmless twice");
                assert_ne!(one.1["changed"], other.1["changed"], "{one:?} {other:?}");
            }
        });
    }
    while let Some(done) = voters.join_next().await {
        done.unwrap();
    }
    assert_eq!(app.drifted().await, 0);
    assert_eq!(
        app.database.count("select upvotes::bigint from published_runs where pod_id = 'pod-a'").await,
        25
    );
    assert_eq!(app.database.count("select likes::bigint from comments").await, 25);
    // Each change is a version: 50 votes, of which 25 were taken back.
    assert_eq!(app.database.count("select count(*) from outbox where aggregate = 'upvote'").await, 50);
    assert_eq!(app.announced("comment", &comment).await, 1 + 75);
}

#[tokio::test]
async fn writers_likers_deleters_and_moderators_at_once_leave_the_right_counts() {
    let app = Arc::new(App::new().await);
    let author = app.sign_in(1000).await;
    let mut parents = Vec::new();
    for text in ["one", "two", "three"] {
        parents.push(app.comment(&author, "pod-a", text, None).await);
    }
    let mut busy = JoinSet::new();
    for number in 1..=20_i64 {
        let (app, parents) = (Arc::clone(&app), parents.clone());
        busy.spawn(async move {
            let token = app.sign_in(number).await;
            let parent = &parents[number as usize % 3];
            let body = json!({ "comment": format!("reply {number}"), "parent_id": parent });
            let (status, reply) = app.post("/api/v1/results/pod-a/comments", &token, body).await;
            // Its parent may be deleted or hidden by now.
            assert!(matches!(status.as_u16(), 201 | 404), "{status}: {reply}");
            app.ask(Method::PUT, &format!("/api/v1/comments/{parent}/like"), &token, Value::Null).await;
            if let Some(id) = reply["id"].as_str() {
                app.ask(Method::PUT, &format!("/api/v1/comments/{id}/like"), &token, Value::Null).await;
                if number % 4 == 0 {
                    let (status, _) =
                        app.ask(Method::DELETE, &format!("/api/v1/comments/{id}"), &token, Value::Null).await;
                    assert!(matches!(status.as_u16(), 204 | 404), "{status}");
                }
            }
            match number {
                7 => assert!(community::hide(&app.database.pool, &parents[1], "test", "test").await.is_ok()),
                9 => assert!(community::keep(&app.database.pool, &parents[1], "test").await.is_ok()),
                11 => community::remove(&app.database.pool, &parents[2], "test").await.unwrap(),
                _ => {}
            }
        });
    }
    while let Some(done) = busy.join_next().await {
        done.unwrap();
    }
    assert_eq!(app.drifted().await, 0);
}

#[tokio::test]
async fn who_deletes_an_account_leaves_neither_votes_nor_comments() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let mine = app.comment(&ann, "pod-a", "mine", None).await;
    app.comment(&ann, "pod-a", "mine too", Some(&mine)).await;
    let theirs = app.comment(&bob, "pod-b", "theirs", None).await;
    app.post("/add_like", &ann, json!({ "comment_id": theirs })).await;
    app.post("/upvote_pod", &ann, json!({ "pod_id": "pod-a" })).await;
    for _ in 0..2 {
        community::forget(&app.database.pool, 1).await.unwrap();
        assert_eq!(app.database.count("select count(*) from comments where github_id = 1").await, 0);
        assert_eq!(app.database.count("select count(*) from comment_likes").await, 0);
        assert_eq!(app.database.count("select count(*) from run_upvotes").await, 0);
        assert_eq!(app.drifted().await, 0);
    }
    assert_eq!(app.get("/get_all_comments", "").await["comments"].as_array().unwrap().len(), 1);
}
