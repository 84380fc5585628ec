//! The moderation queue: who may, what hiding hides, and what the log keeps.

use dria_bench::{ledger::tokens::Role, store::audit};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{App, ids};
use crate::support::{
    database::public_folder,
    program::{end_of, program},
};

#[tokio::test]
async fn viewers_see_no_queue_operators_look_and_admins_act() {
    let app = App::new().await;
    let ann = app.sign_in(1).await;
    let id = app.comment(&ann, "pod-a", "first", None).await;
    let (viewer, operator, admin) =
        (app.token(Role::Viewer).await, app.token(Role::Operator).await, app.token(Role::Admin).await);
    let queue = "/api/v1/admin/moderation";
    for (token, status) in [("", 401), (&ann, 403), (&viewer, 403), (&operator, 200), (&admin, 200)] {
        assert_eq!(app.ask(Method::GET, queue, token, Value::Null).await.0.as_u16(), status);
    }
    for (method, path) in [
        (Method::POST, format!("{queue}/{id}/keep")),
        (Method::POST, format!("{queue}/{id}/hide")),
        (Method::DELETE, format!("{queue}/{id}")),
    ] {
        for token in [&ann, &viewer, &operator] {
            assert_eq!(
                app.ask(method.clone(), &path, token, Value::Null).await.0,
                StatusCode::FORBIDDEN,
                "{path}"
            );
        }
    }
    let (status, _) = app.post(&format!("{queue}/0123456789abcdef01234567/keep"), &admin, Value::Null).await;
    assert_eq!(status, 404);
    app.server.stop().await;
}

#[tokio::test]
async fn what_is_reported_is_kept_hidden_shown_again_or_deleted_and_the_log_says_by_whom() {
    let app = App::new().await;
    let (ann, bob, admin) = (app.sign_in(1).await, app.sign_in(2).await, app.token(Role::Admin).await);
    let parent = app.comment(&ann, "pod-a", "first", None).await;
    let reply = app.comment(&bob, "pod-a", "reply", Some(&parent)).await;
    let queue = "/api/v1/admin/moderation";
    let report = format!("/api/v1/comments/{parent}/report");
    app.post(&report, &bob, json!({ "reason": "off topic" })).await;
    let waiting = app.get(queue, &admin).await;
    assert_eq!(ids(&waiting["comments"], "comment_id"), std::slice::from_ref(&parent));
    assert_eq!(waiting["comments"][0]["reasons"], json!(["user:2: off topic"]));

    let (_, kept) = app.post(&format!("{queue}/{parent}/keep"), &admin, Value::Null).await;
    assert_eq!(kept, json!({ "comment_id": parent, "hidden": false, "changed": false, "reports": 1 }));
    assert_eq!(app.get(queue, &admin).await["comments"], json!([]));
    app.post(&report, &bob, json!({ "reason": "still" })).await;
    assert_eq!(app.get(queue, &admin).await["comments"], json!([]), "a moderator has answered bob");

    let (_, hidden) = app.post(&format!("{queue}/{parent}/hide?reason=spam"), &admin, Value::Null).await;
    assert_eq!((&hidden["hidden"], &hidden["changed"]), (&json!(true), &json!(true)));
    assert_eq!(
        app.database.count("select comment_count::bigint from published_runs where pod_id = 'pod-a'").await,
        0
    );
    for path in [
        "/get_all_comments",
        "/get_comments?pod_id=pod-a",
        "/get_user_comments",
        "/api/v1/results/pod-a/comments",
    ] {
        let answer = app.get(path, &ann).await.to_string();
        assert!(!answer.contains("first") && !answer.contains("reply\""), "{path}: {answer}");
    }
    for id in [&parent, &reply] {
        let path = format!("/api/v1/comments/{id}");
        assert_eq!(app.ask(Method::GET, &path, &bob, Value::Null).await.0, 404);
        assert_eq!(app.ask(Method::PUT, &format!("{path}/like"), &bob, Value::Null).await.0, 404);
    }
    let body = json!({ "comment": "x", "pod_id": "pod-a", "parent_id": parent });
    assert_eq!(app.post("/post_comment", &bob, body).await.0, 404, "nobody answers what is hidden");
    let path = format!("/api/v1/comments/{parent}");
    assert_eq!(
        app.ask(Method::PATCH, &path, &ann, json!({ "comment": "x" })).await.1["code"],
        "comment_hidden"
    );
    assert_eq!(
        app.ask(Method::PATCH, &path, &bob, json!({ "comment": "x" })).await.1["code"],
        "comment_not_found"
    );
    assert_eq!(
        ids(&app.get(&format!("{queue}?state=hidden"), &admin).await["comments"], "comment_id"),
        std::slice::from_ref(&parent)
    );

    app.post(&format!("{queue}/{parent}/keep"), &admin, Value::Null).await;
    assert_eq!(app.get("/get_comments?pod_id=pod-a", "").await["total_comments"], 2);
    assert_eq!(app.drifted().await, 0);
    let (status, _) = app.ask(Method::DELETE, &format!("{queue}/{parent}"), &admin, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(app.drifted().await, 0);
    let log = audit::of(&mut app.database.pool.acquire().await.unwrap(), &parent).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["comment.keep", "comment.hide", "comment.keep", "comment.delete"]);
    assert!(log.iter().all(|entry| entry.actor == "token:admin"));
    assert_eq!(log[3].detail["comment"], "first");
    app.server.stop().await;
}

#[tokio::test]
async fn what_a_rule_doubts_is_posted_and_waits_in_the_queue() {
    let app = App::new().await;
    let (ann, admin) = (app.sign_in(1).await, app.token(Role::Admin).await);
    app.comment(&ann, "pod-a", "nice run", None).await;
    let again = app.comment(&ann, "pod-b", "Nice run!", None).await;
    assert_eq!(app.get("/get_comments?pod_id=pod-b", "").await["total_comments"], 1);
    let waiting = app.get("/api/v1/admin/moderation", &admin).await;
    assert_eq!(ids(&waiting["comments"], "comment_id"), [again]);
    assert_eq!(
        waiting["comments"][0]["reasons"],
        json!(["rules: repeats what its author wrote within a day"])
    );
    app.server.stop().await;
}

#[tokio::test]
async fn the_command_lists_hides_keeps_and_deletes() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let id = app.comment(&ann, "pod-a", "first", None).await;
    app.post(&format!("/api/v1/comments/{id}/report"), &bob, json!({ "reason": "rude" })).await;
    let folder = public_folder();
    let run = |arguments: &[&str]| {
        let mut command = program();
        command
            .env("DATABASE_URL", &app.database.url)
            .env("DRIA_BENCH_DATA_DIR", folder.path())
            .args(arguments);
        end_of(&mut command)
    };
    let listed = run(&["moderation", "list"]);
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("user:2: rude"), "{listed:?}");
    assert_eq!(run(&["moderation", "hide", &id, "--reason", "rude"]).code, Some(0));
    let hidden = run(&["--json", "moderation", "list", "--hidden"]).json();
    assert_eq!(hidden[0]["comment_id"], id.as_str());
    assert_eq!(run(&["moderation", "keep", &id]).code, Some(0));
    assert_eq!(app.get("/get_comments?pod_id=pod-a", "").await["total_comments"], 1);
    assert_eq!(run(&["moderation", "delete", &id]).code, Some(0));
    assert_eq!(app.database.count("select count(*) from comments").await, 0);
    assert_eq!(run(&["moderation", "keep", &id]).code, Some(1));
    app.server.stop().await;
}
