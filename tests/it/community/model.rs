//! A model that moderates: a server that speaks OpenAI's protocol and says what the test tells it to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use dria_bench::{
    api::Extras,
    community::{ModelSettings, Moderator},
    config::Secret,
};
use serde_json::{Value, json};

use super::App;

/// What the model says next, and what it was asked.
#[derive(Default)]
struct Script {
    says: Mutex<String>,
    asked: Mutex<Vec<Value>>,
}

async fn answer(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> impl IntoResponse {
    assert_eq!(headers["authorization"], "Bearer sk-test");
    script.asked.lock().unwrap().push(body);
    let says = script.says.lock().unwrap().clone();
    match says.as_str() {
        "hang" => std::future::pending().await,
        "broken" => (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "oops".to_owned()),
        says => {
            let choice = json!({ "choices": [{ "message": { "role": "assistant", "content": says } }] });
            (axum::http::StatusCode::OK, choice.to_string())
        }
    }
}

#[tokio::test]
async fn a_model_refuses_doubts_or_lets_pass_and_one_out_of_reach_lets_pass() {
    let script = Arc::new(Script::default());
    let routes = Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&script));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(axum::serve(listener, routes).into_future());
    let settings = ModelSettings {
        base_url,
        api_key: Some(Secret::new("sk-test")),
        model: "small".to_owned(),
        timeout: Duration::from_millis(300),
    };
    let moderator = Moderator::with_model(settings).unwrap();
    let app = App::with(Extras { moderator, ..Extras::default() }).await;
    let ann = app.sign_in(1).await;
    let post = async |says: &str, comment: &str| {
        says.clone_into(&mut script.says.lock().unwrap());
        app.post("/post_comment", &ann, json!({ "comment": comment, "pod_id": "pod-a" })).await
    };
    assert_eq!(post("allow", "good").await.0, 200);
    let asked = script.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked["model"], "small");
    let said: Value = serde_json::from_str(asked["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(said, json!({ "comment": "good" }), "what is said is data, and nothing of its author is told");

    let (status, answer) = post("Refuse.", "bad").await;
    assert_eq!(
        (status.as_u16(), &answer["data"]["error_detail"]["error_type"]),
        (406, &json!("CONTENT_MODERATION_FAILED"))
    );
    let (status, answer) =
        app.post("/api/v1/results/pod-a/comments", &ann, json!({ "comment": "bad" })).await;
    assert_eq!((status.as_u16(), &answer["code"]), (422, &json!("comment_refused")));

    assert_eq!(post("doubt", "strange").await.0, 200);
    assert_eq!(app.database.count("select count(*) from comment_reports where reporter = 'model'").await, 1);
    for (says, comment) in [("hang", "one"), ("broken", "two"), ("I would say so", "three")] {
        assert_eq!(post(says, comment).await.0, 200, "{says}");
    }
    let before = script.asked.lock().unwrap().len();
    assert_eq!(post("allow", &"https://a.example ".repeat(6)).await.0, 406);
    assert_eq!(script.asked.lock().unwrap().len(), before, "what rules refuse isn't asked about");
    server.abort();
    assert_eq!(post("allow", "four").await.0, 200, "nobody listens");
    assert_eq!(app.database.count("select count(*) from comments").await, 6);
    assert_eq!(app.drifted().await, 0);
}
