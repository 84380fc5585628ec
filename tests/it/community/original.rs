//! The original paths, sentence by sentence of the contract.

use reqwest::Method;
use serde_json::{Value, json};

use super::{App, ids};

#[tokio::test]
async fn a_comment_is_posted_answered_and_shown_with_exactly_its_fields() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let body = json!({ "comment": " fast\u{200b}!\r\n", "pod_id": "pod-a" });
    let (status, answer) = app.post("/post_comment", &ann, body).await;
    assert_eq!(status, 200);
    let id = answer["data"]["comment_id"].as_str().unwrap().to_owned();
    assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert_eq!(
        answer,
        json!({ "success": true, "message": answer["message"], "data": {
            "comment_id": id, "pod_id": "pod-a", "comment": "fast!", "user_id": 1, "username": "user-1", "parent_id": null,
            "depth": 0,
        }})
    );
    let reply = app.comment(&bob, "pod-a", "is it?", Some(&id)).await;
    let later = app.comment(&ann, "pod-a", "it is", Some(&id.to_uppercase())).await;
    let all = app.get("/get_comments?pod_id=pod-a", &bob).await;
    assert_eq!(
        (&all["total_comments"], &all["total_parents"], &all["total_replies"]),
        (&json!(3), &json!(1), &json!(2))
    );
    let parent = &all["parent_comments"][0];
    assert_eq!(ids(&parent["replies"], "_id"), [reply.clone(), later], "oldest first");
    let mut fields: Vec<_> = parent.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "_id",
            "comment",
            "created_at",
            "depth",
            "has_replies",
            "is_parent",
            "likes",
            "parent_id",
            "pod_id",
            "ranking_score",
            "replies",
            "reply_count",
            "user_avatar",
            "user_has_liked",
            "user_id",
            "username"
        ]
    );
    assert_eq!(
        (&parent["is_parent"], &parent["has_replies"], &parent["reply_count"]),
        (&json!(true), &json!(true), &json!(2))
    );
    let answered = &parent["replies"][0];
    assert_eq!(
        (&answered["is_parent"], &answered["depth"], &answered["parent_id"]),
        (&json!(false), &json!(1), &json!(id))
    );
    let created = parent["created_at"].as_str().unwrap();
    assert!(
        created.starts_with("20") && !created.ends_with('Z') && created.as_bytes()[10] == b'T',
        "{created}"
    );
    let flat = app.get("/get_all_comments", "").await;
    assert_eq!(flat["comments"].as_array().unwrap().len(), 3);
    assert!(flat["comments"].as_array().unwrap().iter().all(|comment| comment["replies"] == json!([])));
    let own = app.get("/get_user_comments", &ann).await;
    assert_eq!(ids(&own["comments"], "_id")[0], id);
    assert_eq!(own["comments"].as_array().unwrap().len(), 2);
    for text in [all.to_string(), flat.to_string(), own.to_string()] {
        assert!(!text.contains("private@example.com") && !text.contains("email"), "{text}");
    }
    let unknown = app.get("/get_comments?pod_id=nobody", "").await;
    assert_eq!(
        unknown,
        json!({ "parent_comments": [], "total_comments": 0, "total_parents": 0, "total_replies": 0 })
    );
    assert_eq!(app.drifted().await, 0);
    app.server.stop().await;
}

#[tokio::test]
async fn what_can_not_be_posted_is_refused_as_clients_know_it() {
    let app = App::new().await;
    let ann = app.sign_in(1).await;
    let parent = app.comment(&ann, "pod-a", "first", None).await;
    let reply = app.comment(&ann, "pod-a", "second", Some(&parent)).await;
    let nobody = "0123456789abcdef01234567";
    for (body, status) in [
        (json!({ "comment": "x", "pod_id": "nobody" }), 404),
        (json!({ "comment": "x", "pod_id": "pod-a", "parent_id": nobody }), 404),
        (json!({ "comment": "x", "pod_id": "pod-b", "parent_id": parent }), 404),
        (json!({ "comment": "x", "pod_id": "pod-a", "parent_id": reply }), 400),
        (json!({ "comment": "", "pod_id": "pod-a" }), 422),
        (json!({ "comment": " \u{200b}\u{feff}\n", "pod_id": "pod-a" }), 422),
        (json!({ "comment": "x".repeat(1001), "pod_id": "pod-a" }), 422),
        (json!({ "comment": "x", "pod_id": "pod-a", "parent_id": "7" }), 422),
        (json!({ "pod_id": "pod-a" }), 422),
        (json!({ "comment": "https://a.example ".repeat(6), "pod_id": "pod-a" }), 406),
    ] {
        let (given, answer) = app.post("/post_comment", &ann, body.clone()).await;
        assert_eq!(given, status, "{body}: {answer}");
        assert_eq!((&answer["success"], &answer["data"]["status_code"]), (&json!(false), &json!(status)));
        assert_eq!(status == 422, answer["data"]["errors"].is_array(), "{answer}");
        if status == 406 {
            let detail = &answer["data"]["error_detail"];
            assert_eq!(
                (&detail["error_type"], &detail["field"]),
                (&json!("CONTENT_MODERATION_FAILED"), &json!("comment"))
            );
            assert!(detail["message"].as_str().unwrap().contains("6 links"), "{detail}");
        }
    }
    let whole = json!({ "comment": "é".repeat(1000), "pod_id": "pod-a", "parent_id": "", "more": 1 });
    assert_eq!(
        app.post("/post_comment", &ann, whole).await.0,
        200,
        "1000 characters, and an empty parent is none"
    );
    for path in ["/post_comment", "/upvote_pod", "/remove_upvote_from_pod", "/add_like", "/remove_like"] {
        assert_eq!(app.post(path, "", json!({})).await.0, 403, "{path}");
        assert_eq!(app.post(path, "nonsense", json!({})).await.0, 401, "{path}");
        assert_eq!(app.post(path, &ann, json!({})).await.0, 422, "{path}");
    }
    assert_eq!(app.ask(Method::GET, "/get_user_comments", "", Value::Null).await.0, 403);
    assert_eq!(
        app.get("/get_comments?pod_id=pod-b", "nonsense").await["total_comments"],
        0,
        "a bad token counts as none"
    );
    app.server.stop().await;
}

#[tokio::test]
async fn thirty_comments_a_minute_pass_and_those_that_can_not_be_used_are_not_counted() {
    let app = App::new().await;
    let ann = app.sign_in(1).await;
    for number in 0..30 {
        let bad = json!({ "comment": "", "pod_id": "pod-a" });
        assert_eq!(app.post("/post_comment", &ann, bad).await.0, 422);
        app.comment(&ann, "pod-a", &format!("comment {number}"), None).await;
    }
    let response =
        app.send(Method::POST, "/post_comment", &ann, json!({ "comment": "x", "pod_id": "pod-a" })).await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    app.server.stop().await;
}

#[tokio::test]
async fn votes_are_counted_once_and_taken_back_once() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let id = app.comment(&ann, "pod-a", "first", None).await;
    app.comment(&bob, "pod-a", "a reply", Some(&id)).await;
    let which = json!({ "comment_id": id });
    let (status, answer) = app.post("/add_like", &bob, which.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({ "comment_id": id, "user_id": 2, "username": "user-2", "total_likes": 1, "ranking_score": 1.1 })
    );
    assert_eq!(app.post("/add_like", &bob, which.clone()).await.0, 400);
    let seen = app.get("/get_comments?pod_id=pod-a", &bob).await;
    assert_eq!(
        (&seen["parent_comments"][0]["user_has_liked"], &seen["parent_comments"][0]["likes"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        app.get("/get_comments?pod_id=pod-a", &ann).await["parent_comments"][0]["user_has_liked"],
        false
    );
    assert_eq!(app.post("/remove_like", &bob, which.clone()).await.1["total_likes"], 0);
    assert_eq!(app.post("/remove_like", &bob, which).await.0, 400);
    assert_eq!(app.post("/add_like", &bob, json!({ "comment_id": "0123456789abcdef01234567" })).await.0, 404);

    let pod = json!({ "pod_id": "pod-a" });
    let (status, answer) = app.post("/upvote_pod", &bob, pod.clone()).await;
    assert_eq!((status.as_u16(), answer.as_object().unwrap().len()), (200, 3));
    assert_eq!((&answer["success"], &answer["data"]), (&json!(true), &Value::Null));
    assert_eq!(app.post("/upvote_pod", &bob, pod.clone()).await.0, 400);
    assert_eq!(
        app.database.count("select upvotes::bigint from published_runs where pod_id = 'pod-a'").await,
        1
    );
    assert_eq!(app.post("/remove_upvote_from_pod", &ann, pod.clone()).await.0, 400);
    assert_eq!(app.post("/remove_upvote_from_pod", &bob, pod).await.0, 200);
    assert_eq!(app.post("/upvote_pod", &bob, json!({ "pod_id": "nobody" })).await.0, 404);
    // Published as it happened, last at the fourth version: of the run, since its comment and two votes; of the comment, since
    // its reply's count and two likes.
    assert_eq!((app.announced("upvote", "pod-a:2").await, app.announced("comment", &id).await), (4, 4));
    assert_eq!(app.drifted().await, 0);
    app.server.stop().await;
}

#[tokio::test]
async fn comments_are_ranked_as_of_the_answer_and_ties_oldest_first() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let mut made = Vec::new();
    for text in ["older tie", "newer tie", "old but liked", "liked"] {
        made.push(app.comment(&ann, "pod-a", text, None).await);
    }
    for id in &made[2..] {
        assert_eq!(app.post("/add_like", &bob, json!({ "comment_id": id })).await.0, 200);
    }
    app.database
        .execute(format!(
            "update comments set created_at = created_at - interval '90000 seconds' where id = '{}'",
            made[2]
        ))
        .await;
    let all = app.get("/get_all_comments", "").await;
    let expected = [&made[3], &made[2], &made[0], &made[1]].map(String::clone);
    assert_eq!(ids(&all["comments"], "_id"), expected);
    let scores: Vec<_> =
        all["comments"].as_array().unwrap().iter().map(|c| c["ranking_score"].as_f64().unwrap()).collect();
    assert!((scores[0] - 1.0).abs() < 1e-9);
    assert!(
        (scores[1] - 0.3535).abs() < 0.0002,
        "{scores:?}: less than at its like, since it is older by now"
    );
    let run = app.get("/get_comments?pod_id=pod-a", "").await;
    assert_eq!(ids(&run["parent_comments"], "_id"), expected);
    app.server.stop().await;
}

#[tokio::test]
async fn one_s_own_comment_is_deleted_with_its_replies_and_nobody_else_s() {
    let app = App::new().await;
    let (ann, bob) = (app.sign_in(1).await, app.sign_in(2).await);
    let parent = app.comment(&ann, "pod-a", "first", None).await;
    let reply = app.comment(&bob, "pod-a", "reply", Some(&parent)).await;
    let other = app.comment(&bob, "pod-a", "another", Some(&parent)).await;
    app.post("/add_like", &ann, json!({ "comment_id": reply })).await;
    let delete = async |token: &str, id: &str| {
        app.ask(Method::DELETE, "/delete_comment", token, json!({ "comment_id": id })).await
    };
    assert_eq!(delete(&ann, &reply).await.0, 403);
    assert_eq!(delete("", &reply).await.0, 403);
    assert_eq!(delete(&bob, &other).await, (reqwest::StatusCode::OK, json!({ "comment_id": other })));
    assert_eq!(app.get("/get_comments?pod_id=pod-a", "").await["parent_comments"][0]["reply_count"], 1);
    assert_eq!(delete(&ann, &parent).await.0, 200);
    assert_eq!(delete(&ann, &parent).await.0, 404);
    assert_eq!(app.get("/get_all_comments", "").await["comments"], json!([]));
    // Made, liked, gone: whoever publishes hears of the reply's end too.
    assert_eq!(app.announced("comment", &reply).await, 3);
    assert_eq!(app.database.count("select count(*) from comment_likes").await, 0);
    assert_eq!(app.drifted().await, 0);
    app.server.stop().await;
}
