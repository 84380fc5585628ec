//! The document says what is so: every route, no dangling reference, no answer that it doesn't name.

use std::{collections::BTreeSet, num::NonZeroU32};

use dria_bench::{api, config, ledger::tokens::Role};
use reqwest::Method;
use serde_json::{Value, json};

use super::{App, plain};

const NOBODY: &str = "01949c00-0000-7000-8000-000000000000";

/// A server that may be asked about every operation at once.
async fn unlimited() -> App {
    let many = NonZeroU32::new(100_000).unwrap();
    let settings =
        config::Server { reads_per_minute: many, writes_per_minute: many, ..config::Server::default() };
    App::with(settings).await
}

fn document() -> Value {
    serde_json::from_str(&api::document()).unwrap()
}

/// Every operation: path, method, and what is said of it.
fn operations(document: &Value) -> Vec<(String, Method, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // The original paths word their errors in their own way, and have their own tests.
            if operation["tags"] == json!(["original"]) {
                continue;
            }
            if let Ok(method) = method.to_uppercase().parse() {
                all.push((path.clone(), method, operation.clone()));
            }
        }
    }
    all
}

/// A path whose run, matrix or job has this id.
fn at(path: &str, id: &str) -> String {
    // People have numbers.
    let id = if path.contains("/admin/users/") { "404" } else { id };
    path.replace("{id}", id).replace("{name}", "nobody").replace("{level}", "throughput")
}

fn statuses(operation: &Value) -> BTreeSet<u16> {
    operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap()).collect()
}

fn has_parameter(operation: &Value, name: &str) -> bool {
    operation["parameters"].as_array().is_some_and(|all| all.iter().any(|given| given["name"] == name))
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.push(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn it_is_served_printed_and_without_a_dangling_reference() {
    let app = App::new().await;
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(app.json("/openapi.json").await, document);
    let printed = tokio::process::Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .arg("openapi")
        .env_remove("DATABASE_URL")
        .output()
        .await
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), document);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn each_path_answers_the_methods_it_names_and_no_other() {
    let app = unlimited().await;
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let url = at(path, NOBODY);
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let status = app.request(method.clone(), &url).send().await.unwrap().status();
            let named = item.get(method.as_str().to_lowercase()).is_some();
            assert_eq!(status != 405, named, "{method} {path} is answered with {status}");
        }
    }
}

#[test]
fn every_resource_is_in_it() {
    let document = document();
    let mut resources: BTreeSet<&str> = BTreeSet::new();
    for path in document["paths"].as_object().unwrap().keys() {
        let path = path.trim_start_matches("/api/v1").trim_start_matches('/');
        let end = path.match_indices('/').nth(usize::from(path.starts_with("admin/")));
        resources.insert(end.map_or(path, |(end, _)| &path[..end]));
    }
    for resource in [
        "runs",
        "results",
        "matrices",
        "schedules",
        "prices",
        "gpus",
        "models",
        "fits",
        "recommendations",
        "costs",
        "admin/queues",
        "admin/jobs",
        "admin/dead-letters",
        "admin/workers",
        "admin/reaper",
        "metrics",
    ] {
        assert!(resources.contains(resource), "{resource} isn't in {resources:?}");
    }
}

#[tokio::test]
async fn each_operation_says_what_its_parameters_and_answers_are() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{at} has an id that another has");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{at} has no words");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            assert!(parameters.iter().any(|given| given["name"] == name), "{at} doesn't tell of {name}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('4') || status.starts_with('5') {
                let content = response["content"].as_object().unwrap();
                let original = operation["tags"] == json!(["original"]);
                let kind = if original { "application/json" } else { "application/problem+json" };
                assert_eq!(content.keys().collect::<Vec<_>>(), [kind], "{at} {status}");
            }
        }
        if method != Method::GET {
            assert!(!operation["security"].as_array().unwrap().contains(&json!({})), "{at} needs nobody");
            assert!(statuses(&operation).is_superset(&[401, 403].into()), "{at}");
        }
    }
}

#[tokio::test]
async fn each_refusal_that_it_names_is_real() {
    let app = unlimited().await;
    let (viewer, admin) = (app.token(Role::Viewer).await, app.token(Role::Admin).await);
    let mut wrong = Vec::new();
    for (path, method, operation) in operations(&document()) {
        let named = statuses(&operation);
        let ask = async |url: String, token: Option<&str>, body: Value| {
            let mut request = app.request(method.clone(), &url);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if method == Method::POST {
                request = request.json(&body);
            }
            request.send().await.unwrap().status().as_u16()
        };
        // What has to be given, so that what comes after it is seen.
        let query = match path.rsplit('/').next() {
            Some("priority") => "?priority=3",
            Some("budget") => "?max_usd=3",
            Some("history") => "?gpu=H100",
            Some("suspend") => "?reason=spam",
            Some("compare") => "?run=nobody&run=no-one",
            Some("costs" | "everywhere") => "?run=01949c00-0000-7000-8000-000000000000",
            _ if has_parameter(&operation, "confirm") => "?confirm=true",
            _ => "",
        };
        let nobody = format!("{}{query}", at(&path, NOBODY));
        let for_admin = ask(nobody.clone(), Some(&admin), plain()).await;
        let mut seen = BTreeSet::from([
            ask(nobody.clone(), None, plain()).await,
            ask(nobody.clone(), Some("drb_nonsense"), plain()).await,
            ask(nobody, Some(&viewer), plain()).await,
            for_admin,
            ask(format!("{}?nonsense=1", at(&path, NOBODY)), Some(&admin), plain()).await,
        ]);
        seen.retain(|status| *status >= 400);
        if !named.is_superset(&seen) {
            wrong.push(format!("{method} {path} answers with {seen:?} and names {named:?}"));
        }
        // The others need a state or a body of their own, and have their tests there.
        let mut elsewhere = BTreeSet::from([400, 409, 413, 415, 429, 503]);
        if path == "/metrics" {
            // Programs of this machine need no token.
            elsewhere.insert(401);
        }
        if path == "/api/v1/session" {
            // Only who is signed in as a person already.
            elsewhere.insert(403);
        }
        if for_admin == 403 {
            // Only people are let in, who sign in; what they may get wrong is tested there.
            elsewhere.extend([404, 422]);
        }
        let refusals: BTreeSet<u16> = named.iter().copied().filter(|status| *status >= 400).collect();
        let unseen: Vec<_> =
            refusals.difference(&seen).filter(|status| !elsewhere.contains(status)).collect();
        if !unseen.is_empty() {
            wrong.push(format!("{method} {path} names {unseen:?}, which nothing gets"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn the_pages_that_show_it_are_served_from_here_alone() {
    let app = App::new().await;
    let page = app.get("/docs/").await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(!policy.contains("http"), "no other host: {policy}");
    let html = page.text().await.unwrap();
    for part in html.split(['"', '\'']).filter(|part| [".js", ".css"].iter().any(|end| part.ends_with(end))) {
        assert!(!part.contains("//"), "{part} is elsewhere");
        assert_eq!(
            app.get(&format!("/docs/{}", part.trim_start_matches("./"))).await.status(),
            200,
            "{part}"
        );
    }
    assert!(!html.contains("<script>"), "the policy lets no inline script run");
    let start = app.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(start.contains("/openapi.json") && start.contains("\"validatorUrl\": \"none\""), "{start}");
    let home = app.get("/").await.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!home.contains("script-src"), "only the docs may run scripts");
}

#[test]
fn the_sites_copy_of_the_document_is_the_document() {
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/web/openapi.json");
    let copy: Value = serde_json::from_str(&std::fs::read_to_string(copy).unwrap()).unwrap();
    assert!(
        copy == document(),
        "the site is built from another document: dria-bench openapi > web/openapi.json"
    );
}
