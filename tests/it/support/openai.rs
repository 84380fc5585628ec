//! A server that speaks OpenAI's protocol from a script: one reply a request, each request remembered.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What a request is answered with.
pub(crate) enum Reply {
    /// These events, then the end as it should be.
    Events(Vec<Value>),
    /// These events, and then the connection ends without a word.
    Broken(Vec<Value>),
    /// These events, and then nothing for ever.
    Hang(Vec<Value>),
    /// This status, and how many seconds to wait.
    Status(u16, Option<u64>),
    /// This text as the stream.
    Raw(String),
    /// What this says to the request.
    With(Box<dyn Fn(&Value) -> Reply + Send>),
}

struct Script {
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Value>>,
    /// A request that hung was left.
    left: Notify,
}

/// The server.
pub(crate) struct Scripted {
    script: Arc<Script>,
    pub(crate) url: String,
}

impl Scripted {
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let script = Arc::new(Script {
            replies: Mutex::new(replies.into()),
            asked: Mutex::default(),
            left: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let routes =
            Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { script, url }
    }

    /// What it replies next, after what it was given before.
    pub(crate) fn then(&self, replies: Vec<Reply>) {
        self.script.replies.lock().unwrap().extend(replies);
    }

    /// Every request until now.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.script.asked.lock().unwrap().clone()
    }

    /// Waits until a request that hangs is left.
    pub(crate) async fn left(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.script.left.notified()).await.unwrap();
    }
}

struct Leaving(Arc<Script>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}

async fn answer(State(script): State<Arc<Script>>, Json(request): Json<Value>) -> Response {
    script.asked.lock().unwrap().push(request.clone());
    let reply = script.replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(500, None));
    write(script, reply, &request)
}

fn write(script: Arc<Script>, reply: Reply, request: &Value) -> Response {
    let line = |event: &Value| Ok::<_, Infallible>(Bytes::from(format!("data: {event}\n\n")));
    let body = match reply {
        Reply::With(reply) => return write(script, reply(request), request),
        Reply::Status(status, wait) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), "sk-test was refused").into_response();
            if let Some(seconds) = wait {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            return response;
        }
        Reply::Events(events) => {
            let end = Bytes::from_static(b"data: [DONE]\n\n");
            Body::from_stream(stream::iter(events.iter().map(line).chain([Ok(end)]).collect::<Vec<_>>()))
        }
        Reply::Broken(events) => {
            let events: Vec<_> =
                events.iter().map(|event| Ok(Bytes::from(format!("data: {event}\n\n")))).collect();
            let end = stream::iter([Err(std::io::Error::other("broken"))]);
            Body::from_stream(stream::iter(events).chain(end))
        }
        Reply::Hang(events) => {
            let leaving = Leaving(script);
            let events = stream::iter(events.iter().map(line).collect::<Vec<_>>());
            let never = stream::once(async move {
                let _leaving = leaving;
                std::future::pending::<Result<Bytes, Infallible>>().await
            });
            Body::from_stream(events.chain(never))
        }
        Reply::Raw(text) => Body::from(text),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn delta(delta: &Value, end: Option<&str>) -> Value {
    json!({ "id": "c", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta, "finish_reason": end }] })
}

/// An answer in small pieces, and what it took.
pub(crate) fn text(text: &str) -> Vec<Value> {
    let letters: Vec<char> = text.chars().collect();
    let mut events: Vec<Value> = letters
        .chunks(5)
        .map(|piece| delta(&json!({ "content": piece.iter().collect::<String>() }), None))
        .collect();
    events.push(delta(&json!({}), Some("stop")));
    events.push(json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120 } }));
    events
}

/// A call whose arguments come in two parts.
pub(crate) fn call(name: &str, arguments: &Value) -> Vec<Value> {
    let text = arguments.to_string();
    let (first, second) = text.split_at(text.len() / 2);
    vec![
        delta(
            &json!({ "tool_calls": [{ "index": 0, "id": "call_a", "type": "function", "function": { "name": name, "arguments": first } }] }),
            None,
        ),
        delta(
            &json!({ "tool_calls": [{ "index": 0, "function": { "arguments": second } }] }),
            Some("tool_calls"),
        ),
        json!({ "choices": [], "usage": { "prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60 } }),
    ]
}

/// What the last tool of a request put out.
pub(crate) fn found(request: &Value) -> Value {
    let last =
        request["messages"].as_array().unwrap().iter().rfind(|message| message["role"] == "tool").unwrap();
    let text = last["content"].as_str().unwrap();
    let inner = text.split_once(">\n").unwrap().1.strip_suffix("\n</data>").unwrap();
    serde_json::from_str(inner).unwrap()
}
