//! Webhooks against a real receiver: what it gets and can check, what happens when it fails, and who sends when a sender dies.

mod told;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use dria_bench::{
    api::{self, Extras},
    config,
    domain::{kinds::ProviderKind, webhook::EventKind},
    http, ledger,
    ledger::tokens::{self, Role},
    queue::ApalisQueue,
    retry::Backoff,
    store::{audit, deliveries, runs as run_rows},
    webhooks::{self, Made, Sent, Settings, send_due},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::Notify;

use crate::support::{
    database::{TestDatabase, public_folder},
    program::{end_of, program},
    runs,
};

/// What a receiver does with a message.
#[derive(Clone, Copy)]
enum Does {
    Answer(u16),
    /// Takes the message and never answers.
    Hang,
    /// Answers with this many bytes.
    Babble(usize),
    /// Sends its sender elsewhere.
    Redirect,
}

/// A message as it arrived.
#[derive(Clone)]
struct Message {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Message {
    /// Checks the signature as a receiver would, with the secret alone.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let sent = BASE64_STANDARD.decode(self.signature.strip_prefix("v1,").unwrap()).unwrap();
        mac.verify_slice(&sent).is_ok()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver on a port of its own: what it will do next (then: 204), and what it got.
#[derive(Default)]
struct Inbox {
    next: Mutex<VecDeque<Does>>,
    got: Mutex<Vec<Message>>,
    arrived: Notify,
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let message = Message {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    inbox.got.lock().unwrap().push(message);
    inbox.arrived.notify_one();
    let does = inbox.next.lock().unwrap().pop_front();
    match does {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Does::Answer(status)) => (StatusCode::from_u16(status).unwrap(), "no\u{7}pe").into_response(),
        Some(Does::Babble(bytes)) => "x".repeat(bytes).into_response(),
        Some(Does::Redirect) => (StatusCode::FOUND, [("location", "/hook")]).into_response(),
        Some(Does::Hang) => std::future::pending().await,
    }
}

impl Inbox {
    async fn start() -> (Arc<Self>, String) {
        let inbox = Arc::new(Self::default());
        let routes = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&inbox));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, routes).into_future());
        (inbox, url)
    }

    fn then(&self, does: &[Does]) {
        self.next.lock().unwrap().extend(does);
    }

    fn got(&self) -> Vec<Message> {
        self.got.lock().unwrap().clone()
    }
}

/// Settings under which messages may come here, and are tried again at once.
fn settings() -> Settings {
    Settings {
        allow_private: true,
        timeout: Duration::from_secs(30),
        backoff: Backoff { initial: Duration::ZERO, max: Duration::ZERO },
        ..Settings::default()
    }
}

async fn add(database: &TestDatabase, url: &str, events: &[EventKind]) -> Made {
    webhooks::add(&database.pool, &settings(), url, events, "", "test").await.unwrap()
}

async fn announce(database: &TestDatabase, event: EventKind, data: Value) -> u64 {
    deliveries::announce(&mut database.pool.acquire().await.unwrap(), event, data).await.unwrap()
}

async fn only_delivery(database: &TestDatabase) -> deliveries::Delivery {
    let mut conn = database.pool.acquire().await.unwrap();
    let mut all = deliveries::list(&mut conn, None, None, None, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn a_message_arrives_once_signed_so_that_its_receiver_can_check_it() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    let made = add(&database, &url, &[EventKind::RunFailed]).await;
    assert_eq!(announce(&database, EventKind::RunFailed, json!({ "run": "r" })).await, 1);
    assert_eq!(announce(&database, EventKind::PriceDrop, json!({})).await, 0, "it isn't told of that");
    assert_eq!(
        send_due(&database.pool, &settings()).await.unwrap(),
        Sent { delivered: 1, again: 0, dead: 0 }
    );
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap(), Sent::default());
    let got = inbox.got();
    assert_eq!(got.len(), 1);
    assert!(got[0].is_signed_with(&made.secret));
    let mut forged = got[0].clone();
    forged.body.push(' ');
    assert!(!forged.is_signed_with(&made.secret));
    let body = got[0].json();
    assert_eq!((&body["type"], &body["data"]), (&json!("run.failed"), &json!({ "run": "r" })));
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
    let delivery = only_delivery(&database).await;
    assert_eq!(
        (delivery.state.as_str(), delivery.status, delivery.id.as_str()),
        ("delivered", Some(204), got[0].id.as_str())
    );
}

#[tokio::test]
async fn a_receiver_that_fails_hangs_or_redirects_is_tried_again_with_the_same_id_until_it_takes_it() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    add(&database, &url, EventKind::ALL).await;
    announce(&database, EventKind::MatrixDone, json!({})).await;
    inbox.then(&[Does::Answer(500), Does::Hang, Does::Redirect, Does::Answer(404), Does::Babble(100_000)]);
    for (error, status) in [
        ("it answered 500", Some(500)),
        ("no whole answer within 400 ms", None),
        ("redirects are not followed", Some(302)),
        ("it answered 404", Some(404)),
    ] {
        let hangs = status.is_none();
        let timeout = if hangs { Duration::from_millis(400) } else { settings().timeout };
        let settings = Settings { timeout, ..settings() };
        assert_eq!(send_due(&database.pool, &settings).await.unwrap().again, 1, "{error}");
        let delivery = only_delivery(&database).await;
        assert_eq!((delivery.state.as_str(), delivery.status), ("pending", status), "{error}");
        assert!(delivery.error.as_deref().unwrap().contains(error), "{delivery:?}");
    }
    assert_eq!(
        only_delivery(&database).await.answer.as_deref(),
        Some("nope"),
        "nothing a terminal could trip over"
    );
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap().delivered, 1);
    let delivery = only_delivery(&database).await;
    assert_eq!((delivery.attempts, delivery.answer.unwrap().len()), (5, 1024));
    let got = inbox.got();
    assert!(
        got.len() == 5 && got.iter().all(|message| message.id == got[0].id && message.body == got[0].body)
    );
}

#[tokio::test]
async fn waits_grow_and_after_a_day_a_message_is_dead_and_can_be_sent_again_by_hand() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    add(&database, &url, EventKind::ALL).await;
    announce(&database, EventKind::BudgetHit, json!({})).await;
    let patient = Settings { backoff: Settings::default().backoff, ..settings() };
    inbox.then(&[Does::Answer(503), Does::Answer(503), Does::Answer(503)]);
    let wait = async || {
        database.count("select extract(epoch from next_at - now())::bigint from webhook_deliveries").await
    };
    send_due(&database.pool, &patient).await.unwrap();
    assert!((4..=10).contains(&wait().await), "{}", wait().await);
    assert_eq!(send_due(&database.pool, &patient).await.unwrap(), Sent::default(), "not before its time");
    database.execute("update webhook_deliveries set next_at = now(), attempts = 9").await;
    send_due(&database.pool, &patient).await.unwrap();
    assert!((2500..=5200).contains(&wait().await), "{}", wait().await);
    database
        .execute("update webhook_deliveries set next_at = now(), give_up_from = now() - interval '1 day'")
        .await;
    assert_eq!(send_due(&database.pool, &patient).await.unwrap().dead, 1);
    let dead = only_delivery(&database).await;
    assert_eq!((dead.state.as_str(), dead.status), ("dead", Some(503)));
    assert!(webhooks::redeliver(&database.pool, "msg_x", "test").await.is_err());
    webhooks::redeliver(&database.pool, &dead.id, "test").await.unwrap();
    assert_eq!(send_due(&database.pool, &patient).await.unwrap().delivered, 1);
    assert!(inbox.got().iter().all(|message| message.id == dead.id));
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_told_nothing_any_more_until_somebody_enables_it() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    let made = add(&database, &url, EventKind::ALL).await;
    for _ in 0..2 {
        announce(&database, EventKind::RunFailed, json!({})).await;
    }
    inbox.then(&[Does::Answer(410), Does::Answer(410)]);
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap().dead, 2);
    assert_eq!(announce(&database, EventKind::RunFailed, json!({})).await, 0);
    let listed =
        dria_bench::store::webhooks::list(&mut database.pool.acquire().await.unwrap(), None).await.unwrap();
    assert!(listed[0].disabled_reason.as_deref().unwrap().contains("410"), "{listed:?}");
    assert_eq!(listed[0].dead, 2);
    assert!(matches!(webhooks::test(&database.pool, made.id, "test").await, Err(webhooks::Error::Disabled)));
    assert!(webhooks::enable(&database.pool, made.id, "test").await.unwrap());
    assert_eq!(announce(&database, EventKind::RunFailed, json!({})).await, 1);
    assert!(webhooks::disable(&database.pool, made.id, "over", "test").await.unwrap());
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap(), Sent::default(), "what waited is dead");
    let mut conn = database.pool.acquire().await.unwrap();
    let log = audit::of(&mut conn, &made.id.to_string()).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["webhook.add", "webhook.enable", "webhook.disable"]);
}

#[tokio::test]
async fn a_message_whose_sender_died_between_sending_and_saying_so_comes_again_with_the_same_id() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    add(&database, &url, EventKind::ALL).await;
    announce(&database, EventKind::RunFailed, json!({})).await;
    inbox.then(&[Does::Hang]);
    let (pool, slow) = (database.pool.clone(), Settings { timeout: Duration::from_mins(1), ..settings() });
    let sender = tokio::spawn(async move { send_due(&pool, &slow).await });
    inbox.arrived.notified().await;
    sender.abort();
    assert!(sender.await.unwrap_err().is_cancelled());
    assert_eq!(
        send_due(&database.pool, &settings()).await.unwrap(),
        Sent::default(),
        "it is somebody's for a while"
    );
    database.execute("update webhook_deliveries set next_at = now()").await;
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap().delivered, 1);
    let got = inbox.got();
    assert_eq!((got.len(), &got[0].id, only_delivery(&database).await.attempts), (2, &got[1].id, 2));
}

#[tokio::test]
async fn many_senders_at_once_send_each_message_once() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    add(&database, &url, EventKind::ALL).await;
    for number in 0..40 {
        announce(&database, EventKind::RunFailed, json!({ "number": number })).await;
    }
    let sender = || async {
        let mut sent = 0;
        loop {
            match send_due(&database.pool, &settings()).await.unwrap().tried() {
                0 => return sent,
                more => sent += more,
            }
        }
    };
    let (one, two, three) = tokio::join!(sender(), sender(), sender());
    assert_eq!(one + two + three, 40);
    let mut ids: Vec<_> = inbox.got().into_iter().map(|message| message.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), inbox.got().len()), (40, 40));
}

#[tokio::test]
async fn nothing_is_sent_inside_unless_the_settings_say_so_also_where_a_row_says_otherwise() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    let public = Settings { allow_private: false, ..settings() };
    let refused = webhooks::add(&database.pool, &public, &url, EventKind::ALL, "", "test").await;
    assert!(matches!(refused, Err(webhooks::Error::Url(_))), "{refused:?}");
    for url in ["https://169.254.169.254/", "https://localhost/", "https://[::1]/"] {
        assert!(
            webhooks::add(&database.pool, &public, url, EventKind::ALL, "", "test").await.is_err(),
            "{url}"
        );
    }
    // Made while it was allowed, or by a name that leads elsewhere now: looked at again at each try.
    for url in [url.clone(), url.replace("http:", "https:").replace("127.0.0.1", "localhost")] {
        database.execute("delete from webhooks").await;
        database
            .execute(format!(
                "insert into webhooks (id, url, events, secret, created_by)
                 values (gen_random_uuid(), '{url}', '{{run.failed}}', 'whsec_AAAA', 'test')"
            ))
            .await;
        announce(&database, EventKind::RunFailed, json!({})).await;
        assert_eq!(send_due(&database.pool, &public).await.unwrap().again, 1);
        let delivery = only_delivery(&database).await;
        assert!(
            delivery.status.is_none() && delivery.error.as_deref().unwrap().contains("its URL"),
            "{delivery:?}"
        );
    }
    assert!(inbox.got().is_empty());
}

#[tokio::test]
async fn a_run_that_fails_is_told_in_the_transaction_that_ends_it() {
    let database = TestDatabase::new().await;
    add(&database, "http://127.0.0.1:9/", &[EventKind::RunFailed]).await;
    let spec = runs::truth_spec(&[1], ProviderKind::Endpoint, Some("http://127.0.0.1:9".to_owned()));
    let run = runs::start(&database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), "steps").await;
    let failure = dria_bench::domain::failure::Failure::permanent("engine_lost", "it went away");
    let end = async |commit: bool| {
        let mut tx = database.pool.begin().await.unwrap();
        run_rows::set_error(&mut tx, run, &failure).await.unwrap();
        ledger::finish_run(&mut tx, run, "test").await.unwrap();
        if commit { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
    };
    end(false).await;
    assert_eq!(database.count("select count(*) from webhook_deliveries").await, 0);
    end(true).await;
    let body: Value = serde_json::from_str(&only_delivery(&database).await.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["code"]), (&json!("run.failed"), &json!("engine_lost")));
    assert_eq!(body["data"]["run"], run.to_string());
}

#[tokio::test]
async fn admins_make_try_and_remove_webhooks_over_http_and_nobody_else_sees_them() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    let extras = Extras { webhooks: settings(), ..Extras::default() };
    let server = api::serve_with(&config::Server::default(), database.pool.clone(), extras).await.unwrap();
    let token =
        async |role: Role| tokens::create(&database.pool, role.as_str(), role, None, "test").await.unwrap();
    let (operator, admin) = (token(Role::Operator).await, token(Role::Admin).await);
    let client = http::client(None).unwrap();
    let ask = async |method: reqwest::Method, path: &str, token: &str, body: Value| {
        let mut request =
            client.request(method, format!("{}/api/v1/admin/{path}", server.url())).bearer_auth(token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default())
    };
    let (get, post, delete) = (|| reqwest::Method::GET, || reqwest::Method::POST, || reqwest::Method::DELETE);
    let body = json!({ "url": url, "events": ["run.failed", "price.drop"], "note": "ops" });
    assert_eq!(ask(post(), "webhooks", &operator, body.clone()).await.0, 403);
    assert_eq!(ask(get(), "webhooks", &operator, Value::Null).await.0, 403);
    assert_eq!(ask(get(), "webhook-deliveries", &operator, Value::Null).await.0, 403);
    let (status, made) = ask(post(), "webhooks", &admin, body).await;
    assert_eq!(status, 201, "{made}");
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let (_, listed) = ask(get(), "webhooks", &admin, Value::Null).await;
    assert!(!listed.to_string().contains("whsec_") && listed["webhooks"][0]["note"] == "ops", "{listed}");
    let (status, sent) = ask(post(), &format!("webhooks/{id}/test"), &admin, Value::Null).await;
    assert_eq!((status, &sent["state"]), (200, &json!("delivered")));
    assert!(inbox.got()[0].is_signed_with(secret));
    let message = sent["id"].as_str().unwrap();
    let again = format!("webhook-deliveries/{message}/redeliver");
    assert_eq!(ask(post(), &again, &admin, Value::Null).await.0, 202);
    assert_eq!(send_due(&database.pool, &settings()).await.unwrap().delivered, 1);
    let (_, page) =
        ask(get(), &format!("webhook-deliveries?webhook={id}&state=delivered"), &admin, Value::Null).await;
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 1);
    for (body, code) in [
        (json!({ "url": "https://169.254.169.254/", "events": ["run.failed"] }), "invalid_webhook"),
        (json!({ "url": url, "events": [] }), "invalid_webhook"),
        (json!({ "url": url, "events": ["test"] }), "invalid_body"),
        (json!({ "url": url }), "invalid_body"),
    ] {
        let (status, refused) = ask(post(), "webhooks", &admin, body).await;
        assert_eq!((status, &refused["code"]), (422, &json!(code)), "{refused}");
    }
    assert_eq!(ask(post(), &format!("webhooks/{id}/disable"), &admin, Value::Null).await.1["changed"], true);
    assert_eq!(ask(post(), &again, &admin, Value::Null).await.1["code"], "webhook_disabled");
    assert_eq!(ask(delete(), &format!("webhooks/{id}"), &admin, Value::Null).await.0, 204);
    assert_eq!(ask(delete(), "webhooks/nonsense", &admin, Value::Null).await.1["code"], "webhook_not_found");
    assert_eq!(database.count("select count(*) from webhook_deliveries").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn the_command_makes_tries_lists_and_removes_webhooks() {
    let (database, (inbox, url)) = (TestDatabase::new().await, Inbox::start().await);
    let folder = public_folder();
    let run = async |arguments: &[&str]| {
        let mut command = program();
        command
            .env("DATABASE_URL", &database.url)
            .env("DRIA_BENCH_DATA_DIR", folder.path())
            .env("DRIA_BENCH_WEBHOOKS_ALLOW_PRIVATE", "true")
            .args(arguments);
        tokio::task::spawn_blocking(move || end_of(&mut command)).await.unwrap()
    };
    let made = run(&["--json", "webhooks", "add", &url, "--event", "run.failed"]).await.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert_eq!(run(&["webhooks", "test", id]).await.code, Some(0));
    assert!(inbox.got()[0].is_signed_with(secret));
    inbox.then(&[Does::Answer(500)]);
    let failed = run(&["webhooks", "test", id]).await;
    assert!(failed.code == Some(1) && failed.stderr.contains("it answered 500"), "{failed:?}");
    let listed = run(&["webhooks", "list"]).await.stdout;
    assert!(listed.contains(id) && !listed.contains("whsec_"), "{listed}");
    let messages = run(&["--json", "webhooks", "deliveries"]).await.json();
    assert_eq!((messages.as_array().unwrap().len(), &messages[1]["state"]), (2, &json!("delivered")));
    assert_eq!(run(&["webhooks", "redeliver", messages[1]["id"].as_str().unwrap()]).await.code, Some(0));
    assert_eq!(run(&["webhooks", "add", "https://169.254.169.254/"]).await.code, Some(1));
    assert_eq!(run(&["webhooks", "add", &url, "--event", "nonsense"]).await.code, Some(2));
    assert_eq!(run(&["webhooks", "remove", id]).await.code, Some(0));
    assert_eq!(run(&["webhooks", "remove", id]).await.code, Some(1));
}
