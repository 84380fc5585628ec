//! What people see and take back of theirs, and what administrators do about them.

use dria_bench::{ledger::tokens::Role, store::audit};
use reqwest::Method;
use serde_json::{Value, json};

use super::{App, said};
use crate::support::program::{end_of, program};

#[tokio::test]
async fn somebody_sees_where_they_are_signed_in_and_ends_it() {
    let app = App::new().await;
    let (here, there, another) =
        (app.signed_in(1, "bea").await, app.signed_in(1, "bea").await, app.signed_in(2, "cem").await);
    let list = app.json("/api/v1/me/sessions", &here).await;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &sessions[0]["kind"]), (2, &json!("client")));
    assert!(sessions[0]["agent"].as_str().unwrap().starts_with("dria-bench/"), "{list}");
    let current = &list["current"];
    let other = sessions.iter().map(|session| &session["id"]).find(|id| *id != current).unwrap();
    let end = async |token: &str, id: &str| {
        let path = format!("/api/v1/me/sessions/{id}");
        said(app.request(Method::DELETE, &path).bearer_auth(token).send().await.unwrap()).await
    };
    let id = other.as_str().unwrap();
    assert_eq!(end(&another, id).await.1["changed"], false, "somebody else's isn't theirs to end");
    assert_eq!(end(&here, id).await.1["changed"], true);
    assert_eq!(end(&here, id).await.1["changed"], false);
    assert_eq!(end(&here, "7").await.0, 422);
    assert_eq!(app.get("/auth/me", &there).await.status(), 401);
    assert_eq!(app.get("/auth/me", &here).await.status(), 200);
}

#[tokio::test]
async fn an_export_has_everything_of_theirs_and_nothing_of_anybody_elses() {
    let app = App::new().await;
    let (bea, _) = (app.signed_in(1, "bea").await, app.signed_in(2, "cem").await);
    app.said_something().await;
    let response = app.get("/api/v1/me/export", &bea).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let text = response.text().await.unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["profile"]["email"], "bea@mail.example");
    for (part, of) in
        [("sessions", 1), ("comments", 2), ("likes", 1), ("upvotes", 1), ("reports", 1), ("chats", 1)]
    {
        assert_eq!(all[part].as_array().unwrap().len(), of, "{part}");
    }
    assert!(text.contains("what bea said") && text.contains("what bea asked"));
    assert!(
        !text.contains("cem@mail.example") && !text.contains("what cem said") && !text.contains("sha256"),
        "{text}"
    );
}

#[tokio::test]
async fn an_account_is_deleted_when_it_is_meant_and_whoever_publishes_hears_of_it() {
    let app = App::new().await;
    let (bea, _) = (app.signed_in(1, "bea").await, app.signed_in(2, "cem").await);
    app.said_something().await;
    let delete = async |query: &str| {
        let path = format!("/api/v1/me{query}");
        said(app.request(Method::DELETE, &path).bearer_auth(&bea).send().await.unwrap()).await
    };
    for unsure in ["", "?confirm=false", "?confirm=yes"] {
        assert_eq!(delete(unsure).await.0, 422, "{unsure}");
    }
    assert_eq!(app.get("/auth/me", &bea).await.status(), 200, "nothing happened yet");
    let (status, deleted) = delete("?confirm=true").await;
    assert_eq!((status, deleted), (200, json!({ "deleted": true })));
    assert_eq!(app.get("/auth/me", &bea).await.status(), 401);
    for (left, of) in [
        ("select count(*) from users where github_id = 1", 0),
        ("select count(*) from user_sessions where github_id = 1", 0),
        ("select count(*) from chat_logs where github_id = 1", 0),
        ("select count(*) from comment_reports where reporter = 'user:1'", 0),
        ("select count(*) from users", 1),
        ("select count(*) from comments where github_id = 1", 0),
        ("select upvotes::bigint from published_runs", 1),
        ("select comment_count::bigint from published_runs", 1),
        ("select (likes + reply_count)::bigint from comments", 0),
        ("select count(*) from outbox where aggregate = 'user' and aggregate_id = '1' and version = 2", 1),
        (
            "select count(*) from outbox where aggregate = 'chat_log' and aggregate_id = 'aaaaaaaaaaaaaaaaaaaaaaaa'",
            1,
        ),
    ] {
        assert_eq!(app.database.count(left).await, of, "{left}");
    }
    let log = audit::of(&mut app.database.pool.acquire().await.unwrap(), "1").await.unwrap();
    assert_eq!((log[0].action.as_str(), log[0].actor.as_str()), ("user.delete", "user:1"));
    assert!(!app.database.everything().await.contains("bea@mail.example"));
}

#[tokio::test]
async fn administrators_list_people_without_their_addresses_and_suspend_them() {
    let app = App::new().await;
    let admin = app.api_token(Role::Admin).await;
    for (id, login) in [(1, "bea"), (2, "cem"), (3, "beatrice")] {
        app.signed_in(id, login).await;
    }
    let first = app.json("/api/v1/admin/users?limit=2", &admin).await;
    assert_eq!((first["users"].as_array().unwrap().len(), &first["next"]), (2, &json!("2")));
    let rest = app.json("/api/v1/admin/users?limit=2&cursor=2", &admin).await;
    assert_eq!((&rest["users"][0]["username"], &rest["next"]), (&json!("beatrice"), &Value::Null));
    assert!(!first.to_string().contains("mail.example"), "{first}");
    let found = app.json("/api/v1/admin/users?text=BEA&suspended=false", &admin).await;
    assert_eq!(found["users"].as_array().unwrap().len(), 2);
    let post = async |path: &str| {
        let request = app.request(Method::POST, &format!("/api/v1/admin/users/{path}")).bearer_auth(&admin);
        said(request.send().await.unwrap()).await
    };
    assert_eq!(post("1/suspend").await.0, 422, "why?");
    assert_eq!(post("1/suspend?reason=%0a").await.0, 422);
    assert_eq!(post("x/suspend?reason=spam").await.0, 422);
    assert_eq!(post("4/suspend?reason=spam").await.0, 404);
    for changed in [true, false] {
        let done = json!({ "github_id": 1, "suspended": true, "changed": changed });
        assert_eq!(post("1/suspend?reason=spam").await.1, done);
    }
    let found = app.json("/api/v1/admin/users?suspended=true", &admin).await;
    assert_eq!(found["users"][0]["suspended_reason"], "spam");
    assert_eq!(post("1/unsuspend").await.1["changed"], true);
    let heard = "select max(version) from outbox where aggregate = 'user' and aggregate_id = '1'";
    assert_eq!(app.database.count(heard).await, 3, "whoever publishes hears of each change");
    let operator = app.api_token(Role::Operator).await;
    assert_eq!(app.get("/api/v1/admin/users", &operator).await.status(), 403, "operators don't see people");
}

#[tokio::test]
async fn somebody_suspended_writes_nothing_and_still_has_what_is_theirs() {
    let app = App::new().await;
    let bea = app.signed_in(1, "bea").await;
    app.said_something().await;
    app.database
        .execute("update users set suspended_at = now(), suspended_reason = 'spam' where github_id = 1")
        .await;
    let write = async |method: Method, path: &str, body: Value| {
        said(app.request(method, path).bearer_auth(&bea).json(&body).send().await.unwrap()).await
    };
    let (status, refused) = write(Method::POST, "/remove_upvote_from_pod", json!({ "pod_id": "pod1" })).await;
    assert_eq!((status, &refused["data"]["status_code"]), (403, &json!(403)));
    assert!(refused["message"].as_str().unwrap().contains("(spam)"), "{refused}");
    assert_eq!(write(Method::POST, "/auth/refresh", json!({})).await.0, 200);
    for path in ["/auth/me", "/get_user_comments", "/api/v1/me/export"] {
        assert_eq!(app.get(path, &bea).await.status(), 200, "{path}");
    }
    assert_eq!(app.json("/api/v1/session", &bea).await["who"]["suspended"], "spam");
    assert_eq!(write(Method::DELETE, "/api/v1/me?confirm=true", json!({})).await.0, 200);
}

#[tokio::test]
async fn the_commands_do_the_same() {
    let app = App::new().await;
    app.signed_in(1, "bea").await;
    app.signed_in(2, "cem").await;
    let run = |arguments: &str| {
        let mut command = program();
        command.args(arguments.split_whitespace()).env("DATABASE_URL", &app.database.url);
        end_of(command.env("DRIA_BENCH_DATA_DIR", "/nonexistent"))
    };
    let done = run("users suspend BEA --reason spam --json");
    assert_eq!(done.json(), json!({ "github_id": 1, "suspended": true, "changed": true }));
    let list = run("users list --suspended --json").json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["suspended_reason"]), (1, &json!("spam")));
    assert!(!list.to_string().contains("mail.example"));
    assert_eq!(run("users unsuspend id:1 --json").json()["suspended"], false);
    let nobody = run("users suspend nobody --reason spam");
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("nobody has signed in here as `nobody`"), "{}", nobody.stderr);
}

impl App {
    /// `bea` (1) and `cem` (2) said this and that.
    async fn said_something(&self) {
        self.database
            .execute(
                "insert into published_runs (pod_id, imported_from, status, llm_id, llm_common_name, inference_name, gpu_id,
                   server_type, upvotes, comment_count, created_at)
                 values ('pod1', 'file:x', 'succeeded', 'm', 'M', 'Ollama', 'H100', 'Runpod', 2, 2, now());
                 insert into comments (id, pod_id, parent_id, github_id, username, comment, likes, reply_count) values
                   ('111111111111111111111111', 'pod1', null, 1, 'bea', 'what bea said', 0, 0),
                   ('222222222222222222222222', 'pod1', null, 2, 'cem', 'what cem said', 1, 1),
                   ('333333333333333333333333', 'pod1', '222222222222222222222222', 1, 'bea', 'an answer', 0, 0);
                 insert into comment_likes (comment_id, github_id) values ('222222222222222222222222', 1);
                 insert into run_upvotes (pod_id, github_id) values ('pod1', 1), ('pod1', 2);
                 insert into comment_reports (comment_id, reporter, reason) values
                   ('222222222222222222222222', 'user:1', 'spam'), ('222222222222222222222222', 'rules', 'links');
                 insert into chat_logs (id, pod_id, github_id, username, user_message, ai_response) values
                   ('aaaaaaaaaaaaaaaaaaaaaaaa', 'pod1', 1, 'bea', 'what bea asked', 'a'),
                   ('bbbbbbbbbbbbbbbbbbbbbbbb', 'pod1', 2, 'cem', 'what cem asked', 'b')",
            )
            .await;
    }
}
