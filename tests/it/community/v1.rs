//! `/api/v1`: pages, edits that know what they change, likes that are harmless twice, HTML that is safe.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{App, ids};

#[tokio::test]
async fn a_comment_is_shown_with_safe_html_and_changed_only_as_it_was_read() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let text = "**Fast**: see [here](https://example.com) <script>alert(1)</script> [x](javascript:alert(1))";
    let response =
        app.send(Method::POST, "/api/v1/results/pod-a/comments", &ann, json!({ "comment": text })).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["etag"], "\"1\"");
    let made: Value = response.json().await.unwrap();
    let path = format!("/api/v1/comments/{}", made["id"].as_str().unwrap());
    assert_eq!(made["comment"], text);
    assert_eq!(
        made["html"],
        "<p><strong>Fast</strong>: see <a href=\"https://example.com/\" rel=\"nofollow ugc noopener noreferrer\">here</a> \
         &lt;script&gt;alert(1)&lt;/script&gt; x</p>\n"
    );
    let edit = async |token: &str, tag: Option<&str>, body: Value| {
        let request = app.client.patch(format!("{}{path}", app.server.url())).bearer_auth(token).json(&body);
        let request = match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, edited) = edit(&ann, Some("\"1\""), json!({ "comment": "faster" })).await;
    assert_eq!((status, &edited["comment"], &edited["version"]), (200, &json!("faster"), &json!(2)));
    assert!(edited["edited_at"].is_string());
    for (tag, body) in [
        (Some("\"1\""), json!({ "comment": "fastest" })),
        (Some("W/\"x\""), json!({ "comment": "fastest" })),
        (None, json!({ "comment": "fastest", "version": 1 })),
    ] {
        let (status, refused) = edit(&ann, tag, body).await;
        assert_eq!((status, &refused["code"]), (409, &json!("comment_changed")));
        assert!(refused["detail"].as_str().unwrap().contains("version 2"), "{refused}");
    }
    assert_eq!(edit(&ann, Some("*"), json!({ "comment": "fastest" })).await.0, 200);
    assert_eq!(edit(&bob, None, json!({ "comment": "slow" })).await.1["code"], "not_yours");
    assert_eq!(edit(&ann, None, json!({ "comment": "\u{200b}" })).await.1["code"], "comment_empty");
    assert_eq!(
        edit(&ann, None, json!({ "comment": "https://a.example ".repeat(7) })).await.1["code"],
        "comment_refused"
    );
    assert_eq!(edit(&ann, None, json!({ "text": "x" })).await.1["code"], "invalid_body");
    assert_eq!(app.get(&path, "").await["comment"], "fastest");
    assert_eq!(app.ask(Method::DELETE, &path, &bob, Value::Null).await.0, 403);
    assert_eq!(app.ask(Method::DELETE, &path, &ann, Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(app.ask(Method::GET, &path, "", Value::Null).await.1["code"], "comment_not_found");
    app.server.stop().await;
}

#[tokio::test]
async fn every_comment_is_on_one_page_in_either_order() {
    let app = App::new().await;
    let token = app.sign_in(1).await;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(app.comment(&token, "pod-a", &format!("comment {number}"), None).await);
    }
    app.comment(&token, "pod-a", "a reply", Some(&made[0])).await;
    app.post("/add_like", &token, json!({ "comment_id": made[3] })).await;
    for (sort, first) in [("top", &made[3]), ("new", &made[6])] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                app.get(&format!("/api/v1/results/pod-a/comments?sort={sort}&limit=3{cursor}"), "").await;
            assert_eq!(page["total"], 7);
            seen.extend(ids(&page["comments"], "id"));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(&seen[0], first, "{sort}");
        seen.sort_unstable();
        let mut all = made.clone();
        all.sort_unstable();
        assert_eq!(seen, all, "{sort}");
    }
    let (status, _) = app.ask(Method::GET, "/api/v1/results/nobody/comments", "", Value::Null).await;
    assert_eq!(status, 404);
    let (status, answer) = app
        .ask(Method::GET, "/api/v1/results/pod-a/comments?sort=best&limit=0&cursor=x", "", Value::Null)
        .await;
    assert_eq!((status.as_u16(), answer["errors"].as_array().unwrap().len()), (422, 3));
    app.server.stop().await;
}

#[tokio::test]
async fn likes_upvotes_and_reports_are_harmless_twice_and_need_somebody() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let id = app.comment(&ann, "pod-a", "first", None).await;
    let like = format!("/api/v1/comments/{id}/like");
    for (method, changed, likes) in [
        (Method::PUT, true, 1),
        (Method::PUT, false, 1),
        (Method::DELETE, true, 0),
        (Method::DELETE, false, 0),
    ] {
        let (_, answer) = app.ask(method, &like, &bob, Value::Null).await;
        assert_eq!((&answer["changed"], &answer["likes"]), (&json!(changed), &json!(likes)));
    }
    let upvote = "/api/v1/results/pod-a/upvote";
    for (method, changed, upvotes) in
        [(Method::PUT, true, 1), (Method::PUT, false, 1), (Method::DELETE, true, 0)]
    {
        let (_, answer) = app.ask(method, upvote, &bob, Value::Null).await;
        assert_eq!((&answer["changed"], &answer["upvotes"]), (&json!(changed), &json!(upvotes)));
    }
    let report = format!("/api/v1/comments/{id}/report");
    for changed in [true, false] {
        let (status, answer) = app.post(&report, &bob, json!({ "reason": "spam" })).await;
        assert_eq!((status.as_u16(), &answer["changed"]), (200, &json!(changed)));
    }
    let operator = app.token(dria_bench::ledger::tokens::Role::Admin).await;
    for (method, path) in [(Method::PUT, like.as_str()), (Method::PUT, upvote), (Method::POST, &report)] {
        assert_eq!(app.ask(method.clone(), path, "", json!({ "reason": "x" })).await.0, 401, "{path}");
        let (status, answer) = app.ask(method, path, &operator, json!({ "reason": "x" })).await;
        assert_eq!((status.as_u16(), &answer["code"]), (403, &json!("not_a_person")), "{path}");
    }
    app.database
        .execute("update users set suspended_at = now(), suspended_reason = 'spam' where github_id = 2")
        .await;
    assert_eq!(app.ask(Method::PUT, upvote, &bob, Value::Null).await.1["code"], "suspended");
    assert_eq!(
        app.ask(Method::PUT, "/api/v1/results/nobody/upvote", &ann, Value::Null).await.1["code"],
        "run_not_found"
    );
    app.server.stop().await;
}
