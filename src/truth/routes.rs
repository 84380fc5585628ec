//! One connection's requests, route by route.

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{
    Shared,
    faults::Fault,
    generate::{self, After},
    http::{Connection, Request},
    protocol::{Generation, count_tokens},
};

const JSON: &str = "application/json";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Stands in for the size of weights that don't exist, bytes.
const MODEL_BYTES: u64 = 1 << 30;

/// Serves a connection until its client leaves.
pub(super) async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    // A client that leaves, or sends what isn't HTTP, concerns nobody else.
    if let Err(error) = serve(&shared, stream).await {
        tracing::debug!(%error, "a connection to the truth server ended");
    }
}

async fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(request) = connection.next_request().await? {
        match route(shared, &mut connection, &request).await? {
            After::KeepAlive if request.keep_alive => {}
            After::KeepAlive | After::Close => return connection.close().await,
            After::Reset => return connection.reset(),
        }
    }
    Ok(())
}

async fn route(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<After> {
    let settings = &shared.settings;
    let generation = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/completions") => Generation::from_openai(&request.body, settings).map(Some),
        ("POST", "/api/generate") => Generation::from_ollama(&request.body, settings),
        _ => {
            let (status, content_type, body) = answer(shared, request);
            connection.respond(status, content_type, "", body.as_bytes()).await?;
            return Ok(After::KeepAlive);
        }
    };
    match generation {
        Ok(Some(generation)) => generate::serve(shared, connection, &generation, request.received).await,
        Ok(None) => {
            let loaded =
                json!({"model": settings.model, "response": "", "done": true, "done_reason": "load"});
            connection.respond(200, JSON, "", loaded.to_string().as_bytes()).await?;
            Ok(After::KeepAlive)
        }
        Err(error) => {
            connection.respond(400, JSON, "", bad_request(&error).as_bytes()).await?;
            Ok(After::KeepAlive)
        }
    }
}

fn bad_request(error: &serde_json::Error) -> String {
    json!({"error": {"message": format!("the body can't be read: {error}"), "type": "invalid_request_error", "code": 400}})
        .to_string()
}

/// Everything but generations: status, content type, body.
fn answer(shared: &Shared, request: &Request) -> (u16, &'static str, String) {
    let model = shared.settings.model.as_str();
    let body = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => json!({"status": "ok"}),
        ("GET", "/v1/models") => {
            json!({"object": "list", "data": [{"id": model, "object": "model", "owned_by": "dria-bench"}]})
        }
        ("POST", "/tokenize") => match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) => {
                let text = body.get("prompt").or_else(|| body.get("content")).and_then(Value::as_str);
                let count = count_tokens(text.unwrap_or_default());
                json!({"count": count, "max_model_len": 1 << 20, "tokens": (0..count).collect::<Vec<_>>()})
            }
            Err(error) => return (400, JSON, bad_request(&error)),
        },
        ("GET", "/metrics") => return (200, "text/plain; version=0.0.4", metrics(shared)),
        ("GET", "/stats") => json!(shared.recorder.stats(&shared.slots)),
        ("POST", "/reset") => {
            shared.recorder.reset(&shared.slots);
            json!({"reset": true})
        }
        ("POST", "/faults") => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                shared.faults.push(fault);
                json!(fault)
            }
            Err(error) => return (400, JSON, bad_request(&error)),
        },
        ("GET", "/version") if shared.settings.version.is_some() => {
            json!({"version": shared.settings.version})
        }
        ("GET", "/api/version") => json!({"version": format!("truth-{VERSION}")}),
        ("GET", "/api/tags" | "/api/ps") => ollama_models(shared),
        ("POST", "/api/pull") => match serde_json::from_slice::<Pull>(&request.body) {
            Ok(pull) => return (200, "application/x-ndjson", pulled(shared, pull.model)),
            Err(error) => return (400, JSON, bad_request(&error)),
        },
        (_, path) => {
            let message = format!("the truth server has no {} {path}", request.method);
            return (404, JSON, json!({"error": {"message": message, "code": 404}}).to_string());
        }
    };
    (200, JSON, body.to_string())
}

/// The body of a pull.
#[derive(Deserialize)]
struct Pull {
    model: String,
}

/// What is there, all of it loaded.
fn ollama_models(shared: &Shared) -> Value {
    let pulled = shared.pulled.lock().unwrap_or_else(PoisonError::into_inner);
    let models = std::iter::once(&shared.settings.model).chain(pulled.iter());
    json!({"models": models.map(|model| ollama_model(model)).collect::<Vec<_>>()})
}

fn ollama_model(model: &str) -> Value {
    let details =
        json!({"format": "truth", "family": "truth", "parameter_size": "0B", "quantization_level": "none"});
    json!({
        "name": model, "model": model, "size": MODEL_BYTES, "size_vram": MODEL_BYTES, "digest": "0".repeat(64),
        "details": details
    })
}

/// A pull that is over at once; the model is there from then on.
fn pulled(shared: &Shared, model: String) -> String {
    if model != shared.settings.model {
        shared.pulled.lock().unwrap_or_else(PoisonError::into_inner).insert(model);
    }
    let layer = |completed| json!({"status": "pulling truth", "digest": "sha256:0", "total": MODEL_BYTES, "completed": completed});
    let lines = [
        json!({"status": "pulling manifest"}),
        layer(MODEL_BYTES / 2),
        layer(MODEL_BYTES),
        json!({"status": "success"}),
    ];
    lines.map(|line| line.to_string()).join("\n") + "\n"
}

/// Prometheus text, with vLLM's names under our own prefix.
fn metrics(shared: &Shared) -> String {
    let values = [
        ("prompt_tokens_total", "counter", shared.prompt_tokens_total.load(Ordering::Relaxed)),
        ("generation_tokens_total", "counter", shared.generation_tokens_total.load(Ordering::Relaxed)),
        ("request_success_total", "counter", shared.completed_total.load(Ordering::Relaxed)),
        ("num_requests_running", "gauge", shared.slots.running()),
        ("num_requests_waiting", "gauge", shared.slots.waiting()),
    ];
    let model = &shared.settings.model;
    let line = |(name, kind, value): (&str, &str, u64)| {
        format!("# TYPE truth:{name} {kind}\ntruth:{name}{{model_name=\"{model}\"}} {value}\n")
    };
    let name = "truth:time_to_first_token_seconds";
    let (sum, count, buckets) = shared.recorder.ttft_histogram();
    let bucket = |(bound, samples): (f64, u64)| {
        format!("{name}_bucket{{model_name=\"{model}\",le=\"{bound}\"}} {samples}\n")
    };
    let buckets: String = buckets.into_iter().map(bucket).collect();
    let histogram = format!(
        "# TYPE {name} histogram\n{buckets}{name}_bucket{{model_name=\"{model}\",le=\"+Inf\"}} {count}\n\
         {name}_sum{{model_name=\"{model}\"}} {sum}\n{name}_count{{model_name=\"{model}\"}} {count}\n"
    );
    values.map(line).concat() + &histogram
}
