//! Engine adapters against recorded answers, and live against the real llama.cpp server.

use std::{path::Path, sync::Arc, sync::Mutex, time::Duration};

use dria_bench::{
    domain::kinds::EngineKind,
    engine::{Endpoint, LoadRequest, LocalCommand, PullProgress, ServerState, engine},
    provider::{LocalProvider, LocalSettings, Provider},
};
use serde_json::{Value, json};

use crate::support::{
    llama::{self, MODEL},
    pods::Pod,
    replay::{Delivery, Replay, Routes},
};

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!("../fixtures/", $path))
    };
}

fn load(model_id: &str, gpu_count: u32) -> LoadRequest<'_> {
    LoadRequest { model_id, startup_log: None, gpu_count, context_tokens: None }
}

/// An Ollama server with the recorded answers, and what the test adds.
fn ollama_routes() -> Routes {
    Routes::new()
        .recorded("GET /api/tags", fixture!("engines/ollama-0.11.11-tags.txt"), Delivery::Whole)
        .recorded("GET /api/ps", fixture!("engines/ollama-0.11.11-ps.txt"), Delivery::Whole)
        .recorded("POST /api/generate", fixture!("engines/ollama-0.11.11-generate-load.txt"), Delivery::Whole)
        .body("GET /api/version", 200, fixture!("ollama/version.200.json"))
}

async fn pull(server: &Replay) -> (Result<dria_bench::engine::PullReport, String>, Vec<PullProgress>) {
    let seen = Mutex::new(Vec::new());
    let report = engine(EngineKind::Ollama)
        .pull(&server.endpoint, "smollm2:135m", &|progress| seen.lock().unwrap().push(progress))
        .await;
    let report =
        report.map_err(|failure| format!("{} {} {}", failure.code, failure.retryable, failure.message));
    (report, seen.into_inner().unwrap())
}

#[tokio::test]
async fn ollama_is_up_with_its_version_lists_its_model_and_loads_it_by_an_empty_generate() {
    let server = ollama_routes().serve().await;
    let ollama = engine(EngineKind::Ollama);
    let version: Value = serde_json::from_str(fixture!("ollama/version.200.json")).unwrap();
    let version = version["version"].as_str().map(str::to_owned);
    assert_eq!(ollama.probe(&server.endpoint).await.unwrap(), ServerState::Up { version });
    let model = ollama.served_model(&server.endpoint, "smollm2:135m").await.unwrap().unwrap();
    assert_eq!((model.quantization.as_deref(), model.context_tokens), (Some("Q4_1"), Some(1024)));
    assert!(model.digest.unwrap().starts_with("a92cbc2da33d"));
    assert_eq!(
        ollama.served_model(&server.endpoint, "llama2:7b").await.unwrap(),
        None,
        "it isn't pulled yet"
    );
    let request = LoadRequest { context_tokens: Some(1024), ..load("smollm2:135m", 0) };
    let report = ollama.load(&server.endpoint, &request).await.unwrap();
    assert!(report.model_loading_s.is_some());
    assert_eq!(report.placement.unwrap().gpu_bytes, 0);
    let sent = server.seen().into_iter().find(|seen| seen.route == "POST /api/generate").unwrap();
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(
        sent,
        json!({ "model": "smollm2:135m", "keep_alive": -1, "stream": false, "options": { "num_ctx": 1024 } })
    );
}

#[tokio::test]
async fn a_model_that_ollama_keeps_off_the_gpu_is_refused_on_a_gpu_machine() {
    let server = ollama_routes().serve().await;
    let failure =
        engine(EngineKind::Ollama).load(&server.endpoint, &load("smollm2:135m", 1)).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("model_not_on_gpu", false));
}

#[tokio::test]
async fn a_pull_reports_its_progress_and_is_the_same_however_its_bytes_arrive() {
    for delivery in [Delivery::Whole, Delivery::ByteByByte] {
        let server = ollama_routes()
            .stream("POST /api/pull", fixture!("engines/ollama-0.11.11-pull-excerpt.ndjson"), delivery)
            .serve()
            .await;
        let (report, progress) = pull(&server).await;
        let report = report.unwrap();
        assert_eq!(report.bytes, Some(98_362_432 + 102 + 89 + 414));
        assert!(report.digest.unwrap().starts_with("a92cbc2da33d") && report.seconds.is_some());
        assert_eq!(progress.len(), fixture!("engines/ollama-0.11.11-pull-excerpt.ndjson").lines().count());
        let completed: Vec<u64> = progress.iter().filter_map(|step| step.completed_bytes).collect();
        assert!(completed.is_sorted(), "{completed:?}");
        assert_eq!(progress.last().unwrap().status, "success");
        // The first line of a layer has no `completed`.
        let server =
            ollama_routes().stream("POST /api/pull", fixture!("ollama/pull.ndjson"), delivery).serve().await;
        assert_eq!(pull(&server).await.0.unwrap().bytes, Some(4_920_738_944));
    }
}

#[tokio::test]
async fn an_error_inside_a_pull_that_answered_200_is_a_failure_of_its_own_kind() {
    let unreachable = fixture!("engines/ollama-0.11.11-pull-error.txt");
    for delivery in [Delivery::Whole, Delivery::ByteByByte] {
        let server = ollama_routes().recorded("POST /api/pull", unreachable, delivery).serve().await;
        let failure = pull(&server).await.0.unwrap_err();
        assert!(failure.starts_with("pull_failed true") && failure.contains("no such host"), "{failure}");
        let server = ollama_routes()
            .stream("POST /api/pull", fixture!("ollama/pull_error.ndjson"), delivery)
            .serve()
            .await;
        let failure = pull(&server).await.0.unwrap_err();
        assert!(failure.starts_with("model_not_found false"), "{failure}");
    }
    let server = ollama_routes()
        .body("POST /api/pull", 500, r#"{"error":"write: no space left on device"}"#)
        .serve()
        .await;
    let failure = pull(&server).await.0.unwrap_err();
    assert!(failure.starts_with("disk_full false"), "{failure}");
}

#[tokio::test]
async fn a_pull_that_is_cut_short_anywhere_is_retryable_and_never_a_success() {
    let stream = fixture!("engines/ollama-0.11.11-pull-excerpt.ndjson");
    for cut in [0, 1, 29, 30, 400, stream.len() - 22, stream.len() - 5] {
        let server = ollama_routes().stream("POST /api/pull", stream, Delivery::CutAfter(cut)).serve().await;
        let failure = pull(&server).await.0.unwrap_err();
        assert!(failure.starts_with("pull_failed true"), "after {cut} bytes: {failure}");
    }
    let without_success = stream.replace("{\"status\":\"success\"}\n", "");
    let server = ollama_routes().stream("POST /api/pull", &without_success, Delivery::Whole).serve().await;
    assert!(pull(&server).await.0.unwrap_err().starts_with("pull_failed true"));
}

#[tokio::test]
async fn ollama_that_lacks_the_model_or_is_busy_says_so() {
    let missing = fixture!("engines/ollama-0.11.11-generate-404.txt");
    let server = ollama_routes().recorded("POST /api/generate", missing, Delivery::Whole).serve().await;
    let failure = engine(EngineKind::Ollama).load(&server.endpoint, &load("nope", 0)).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("model_not_found", false));
    let server =
        ollama_routes().body("POST /api/generate", 503, fixture!("ollama/error_busy.503.json")).serve().await;
    let failure = engine(EngineKind::Ollama).load(&server.endpoint, &load("x", 0)).await.unwrap_err();
    assert!(failure.retryable && failure.message.contains("maximum pending requests"), "{failure}");
    let oom = r#"{"error":"model requires more system memory (5.6 GiB) than is available (2.1 GiB)"}"#;
    let server = ollama_routes().body("POST /api/generate", 500, oom).serve().await;
    let failure = engine(EngineKind::Ollama).load(&server.endpoint, &load("x", 0)).await.unwrap_err();
    assert_eq!(failure.code, "engine_out_of_memory");
}

#[tokio::test]
async fn vllm_is_up_serves_its_model_and_its_counters_are_read() {
    let server = Routes::new()
        .body("GET /health", 200, "")
        .body("GET /version", 200, r#"{"version":"0.32.0"}"#)
        .body("GET /v1/models", 200, fixture!("vllm/models.200.json"))
        .body("GET /metrics", 200, fixture!("vllm/metrics.txt"))
        .body("POST /tokenize", 200, r#"{"count":5,"max_model_len":8192,"tokens":[1,2,3,4,5]}"#)
        .serve()
        .await;
    let vllm = engine(EngineKind::Vllm);
    assert_eq!(
        vllm.probe(&server.endpoint).await.unwrap(),
        ServerState::Up { version: Some("0.32.0".into()) }
    );
    let model = vllm.served_model(&server.endpoint, "Qwen/Qwen3-14B").await.unwrap().unwrap();
    assert_eq!(model.context_tokens, Some(8192));
    let request =
        LoadRequest { startup_log: Some(fixture!("vllm/startup.log")), ..load("Qwen/Qwen3-14B", 1) };
    assert_eq!(vllm.load(&server.endpoint, &request).await.unwrap().graph_capture_s, Some(17.0));
    assert_eq!(vllm.count_tokens(&server.endpoint, "Qwen/Qwen3-14B", "a b c d e").await.unwrap(), Some(5));
    let metrics = vllm.engine_metrics(&server.endpoint).await.unwrap();
    assert_eq!(
        (metrics.prompt_tokens_total, metrics.generation_tokens_total),
        (Some(10_412.0), Some(25_600.0))
    );
    assert_eq!((metrics.running, metrics.waiting), (Some(9.0), Some(0.0)));
    assert_eq!((metrics.prefix_cache_hits, metrics.kv_cache_usage), (Some(4096.0), Some(0.0412)));
    let old = fixture!("vllm/metrics.txt").replace("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc");
    let server = Routes::new().body("GET /metrics", 200, &old).serve().await;
    assert_eq!(vllm.engine_metrics(&server.endpoint).await.unwrap().kv_cache_usage, Some(0.0412));
}

#[tokio::test]
async fn sglang_is_starting_until_its_own_warm_up_ran_then_tells_what_its_start_took() {
    let sglang = engine(EngineKind::Sglang);
    let server = Routes::new().body("GET /health", 503, "").serve().await;
    assert_eq!(sglang.probe(&server.endpoint).await.unwrap(), ServerState::Starting);
    for info in ["GET /server_info", "GET /get_server_info"] {
        let server = Routes::new()
            .body("GET /health", 200, "")
            .body(info, 200, fixture!("sglang/server_info.200.json"))
            .body("GET /v1/models", 200, fixture!("sglang/models.200.json"))
            .body("GET /metrics", 200, fixture!("sglang/metrics.txt"))
            .serve()
            .await;
        assert_eq!(
            sglang.probe(&server.endpoint).await.unwrap(),
            ServerState::Up { version: Some("0.5.23".into()) }
        );
        let model = sglang.served_model(&server.endpoint, "Qwen/Qwen3-14B").await.unwrap().unwrap();
        assert_eq!((model.context_tokens, model.parallel_slots), (Some(40_960), Some(2048)));
        let report = sglang.load(&server.endpoint, &load("Qwen/Qwen3-14B", 1)).await.unwrap();
        assert_eq!((report.model_loading_s, report.graph_capture_s), (Some(9.81), Some(18.9)));
        let metrics = sglang.engine_metrics(&server.endpoint).await.unwrap();
        assert_eq!((metrics.running, metrics.generation_tokens_total), (Some(9.0), Some(25_600.0)));
        assert_eq!(metrics.prefix_cache_hits, None, "this version doesn't count them");
        assert_eq!(
            sglang.count_tokens(&server.endpoint, "x", "a").await.unwrap(),
            None,
            "it has no such route"
        );
    }
}

#[tokio::test]
async fn a_stale_server_and_another_engine_on_the_port_are_recognised() {
    let models = Routes::new().body("GET /v1/models", 200, fixture!("vllm/models.200.json")).serve().await;
    let failure =
        engine(EngineKind::Vllm).served_model(&models.endpoint, "meta-llama/Other").await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("stale_server", false));
    for part in ["Qwen/Qwen3-14B", "meta-llama/Other"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    let failure =
        engine(EngineKind::Sglang).served_model(&models.endpoint, "Qwen/Qwen3-14B").await.unwrap_err();
    assert_eq!(failure.code, "wrong_engine");
    assert!(failure.message.contains("vLLM answers") && failure.message.contains("not SGLang"), "{failure}");
    let none = Routes::new().body("GET /v1/models", 200, r#"{"object":"list","data":[]}"#).serve().await;
    assert_eq!(engine(EngineKind::Vllm).served_model(&none.endpoint, "x").await.unwrap(), None);
    // Ollama's port with something else behind it, and vLLM's with a web server.
    for kind in [EngineKind::Ollama, EngineKind::Vllm] {
        let web = Routes::new().serve().await;
        assert_eq!(engine(kind).probe(&web.endpoint).await.unwrap_err().code, "wrong_engine", "{kind}");
    }
}

#[tokio::test]
async fn the_truth_server_answers_to_any_model_and_anything_else_is_not_it() {
    let truth = engine(EngineKind::Truth);
    let metrics = "truth:prompt_tokens_total{model_name=\"truth\"} 12\ntruth:num_requests_running{} 3\n";
    let server = Routes::new()
        .body("GET /health", 200, "{}")
        .body("GET /v1/models", 200, r#"{"data":[{"id":"truth","owned_by":"dria-bench"}]}"#)
        .body("GET /metrics", 200, metrics)
        .serve()
        .await;
    assert!(matches!(truth.probe(&server.endpoint).await.unwrap(), ServerState::Up { .. }));
    assert_eq!(truth.served_model(&server.endpoint, "llama2:7b").await.unwrap().unwrap().id, "llama2:7b");
    let counters = truth.engine_metrics(&server.endpoint).await.unwrap();
    assert_eq!(
        (counters.prompt_tokens_total, counters.running, counters.waiting),
        (Some(12.0), Some(3.0), None)
    );
    let other = Routes::new().body("GET /v1/models", 200, fixture!("vllm/models.200.json")).serve().await;
    assert_eq!(truth.served_model(&other.endpoint, "x").await.unwrap_err().code, "wrong_engine");
}

#[tokio::test]
async fn nothing_on_the_port_is_down_and_calls_fail_with_what_to_check() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint::direct(url.parse().unwrap());
    for kind in EngineKind::ALL {
        let state = engine(*kind).probe(&endpoint).await.unwrap();
        assert!(
            matches!(&state, ServerState::Down { reason } if reason.contains("refused")),
            "{kind}: {state:?}"
        );
        let failure = engine(*kind).served_model(&endpoint, "x").await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("engine_unreachable", true));
        assert!(failure.message.contains("check that it runs"), "{failure}");
    }
}

#[tokio::test]
async fn a_proxy_without_its_engine_is_starting_and_html_is_survived() {
    let html = "<html><title>502 Bad Gateway</title></html>";
    let routes = || Routes::new().body("GET /health", 502, html).body("GET /api/version", 502, html);
    let mut server = routes().serve().await;
    for kind in [EngineKind::Vllm, EngineKind::Ollama] {
        let failure = engine(kind).probe(&server.endpoint).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("engine_bad_answer", true), "{kind}");
    }
    server.endpoint.through_proxy = true;
    for kind in [EngineKind::Vllm, EngineKind::Ollama] {
        assert_eq!(engine(kind).probe(&server.endpoint).await.unwrap(), ServerState::Starting, "{kind}");
    }
    let server = Routes::new().body("GET /v1/models", 200, html).serve().await;
    let failure = engine(EngineKind::Vllm).served_model(&server.endpoint, "x").await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("wrong_engine", false));
    assert!(failure.message.contains("a web page answers"), "{failure}");
    assert!(!failure.message.contains("Gateway"), "bodies stay out of messages: {failure}");
    let models =
        format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{}", fixture!("vllm/models.200.json"));
    let server = Routes::new().recorded("GET /v1/models", &models, Delivery::CutAfter(60)).serve().await;
    let failure = engine(EngineKind::Vllm).served_model(&server.endpoint, "x").await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("engine_unreachable", true));
}

#[tokio::test]
async fn the_key_goes_with_each_request_and_into_no_message() {
    let mut server = Routes::new()
        .body("GET /v1/models", 401, r#"{"error":"Unauthorized"}"#)
        .body("GET /health", 200, "")
        .body("GET /version", 200, "{}")
        .serve()
        .await;
    server.endpoint.api_key = Some("very-secret".into());
    let vllm = engine(EngineKind::Vllm);
    assert_eq!(vllm.probe(&server.endpoint).await.unwrap(), ServerState::Up { version: None });
    let failure = vllm.served_model(&server.endpoint, "x").await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("engine_unauthorised", false));
    assert!(!format!("{failure:?}").contains("very-secret"));
    assert!(server.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer very-secret")));
}

/// One completion, not streamed, by the OpenAI route.
async fn complete(endpoint: &Endpoint, prompt: &str) -> (u16, Value) {
    let client = dria_bench::http::client(Some(Duration::from_mins(1))).unwrap();
    let body = json!({ "model": MODEL, "prompt": prompt, "max_tokens": 4, "ignore_eos": true });
    let answer =
        client.post(endpoint.base_url.join("v1/completions").unwrap()).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_real_llama_cpp_server_tells_its_model_slots_loading_time_and_counts_as_its_usage_does() {
    let pod = Pod::new("live");
    let (engine, running) = llama::llama_cpp(&pod).await;
    let endpoint = &running.endpoint;
    let model = engine.served_model(endpoint, MODEL).await.unwrap().unwrap();
    assert_eq!((model.parallel_slots, model.context_tokens), (Some(2), Some(1024)));
    assert_eq!(model.quantization.as_deref(), Some("Q4_1"));
    assert_eq!(engine.served_model(endpoint, "another").await.unwrap_err().code, "stale_server");
    let log = pod.provider.logs(&pod.name, 10_000).await.unwrap();
    let request = LoadRequest { startup_log: Some(&log), ..load(MODEL, 0) };
    let report = engine.load(endpoint, &request).await.unwrap();
    assert!(report.model_loading_s.is_some_and(|seconds| seconds > 0.0), "not in its log:\n{log}");

    let prompt = "The quick brown fox jumps over the lazy dog near Paris";
    let before = engine.engine_metrics(endpoint).await.unwrap();
    let (status, answer) = complete(endpoint, prompt).await;
    assert_eq!(status, 200);
    let counted = engine.count_tokens(endpoint, MODEL, prompt).await.unwrap();
    assert_eq!(counted.map(u64::from), answer["usage"]["prompt_tokens"].as_u64());
    let after = engine.engine_metrics(endpoint).await.unwrap();
    let grew =
        |after: Option<f64>, before: Option<f64>| after.zip(before).map(|(after, before)| after - before);
    assert_eq!(grew(after.generation_tokens_total, before.generation_tokens_total), Some(4.0));
    assert_eq!(
        grew(after.prompt_tokens_total, before.prompt_tokens_total),
        answer["usage"]["prompt_tokens"].as_f64()
    );
    assert_eq!((after.running, after.waiting), (Some(0.0), Some(0.0)));

    let (status, answer) = complete(endpoint, &"word ".repeat(2000)).await;
    assert_eq!(status, 400);
    let said = answer["error"]["type"].as_str().unwrap();
    assert_eq!(engine.explain_log(said).unwrap().code, "prompt_too_long");
}

#[tokio::test]
async fn the_real_llama_cpp_server_without_its_weights_is_explained_by_its_log() {
    let pod = Pod::new("weights");
    let settings = LocalSettings {
        start_watch: Duration::from_mins(1),
        ..LocalSettings::new(pod.data_dir().to_owned())
    };
    let patient = LocalProvider::new(settings);
    let engine = engine(EngineKind::Llamacpp);
    let install = engine.find_install(&llama::installs(pod.data_dir())).await.unwrap();
    for content in ["no weights at all", "GGUF and then nothing of it"] {
        let bad = pod.data_dir().join("bad.gguf");
        std::fs::write(&bad, content).unwrap();
        let mut spec = llama::spec(EngineKind::Llamacpp, MODEL);
        spec.model.path = Some(bad.to_string_lossy().into_owned());
        let (builder, install) = (Arc::clone(&engine), install.clone());
        let request = pod.request(Arc::new(move |port| builder.local_command(&spec, &install, port)));
        let exited = patient.ensure_engine(&request).await.unwrap_err();
        assert_eq!(exited.code, "engine_exited");
        let log = exited.details["log_tail"].as_str().unwrap();
        let failure = engine.explain_exit("exited with code 1", log);
        assert_eq!(failure.code, "model_not_found", "{content}: {log}");
    }
    let failure = engine.explain_exit("was ended by signal 9", "nothing telling");
    assert_eq!(failure.code, "engine_exited");
    assert!(failure.message.contains("signal 9") && failure.message.contains("nothing telling"), "{failure}");
}

/// The proxy speaks Ollama's protocol over llama.cpp. It isn't faithful in: the empty generate (it generates text),
/// `/api/ps` (always empty), pulls (nothing is done), digests and sizes, and unknown models (500, not 404). So this
/// proves that the calls are well-formed and their answers read, and nothing about loading.
#[tokio::test]
async fn ollamas_protocol_works_live_through_a_proxy_over_llama_cpp() {
    let proxy = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/ollama-proxy/bin/ollama-proxy");
    assert!(
        proxy.is_file(),
        "{} isn't there: python3 -m venv .tools/ollama-proxy && .tools/ollama-proxy/bin/pip install ollama-proxy-plus==0.1.0",
        proxy.display()
    );
    let pod = Pod::new("under");
    let under = engine(EngineKind::Llamacpp);
    let mut spec = llama::spec(EngineKind::Llamacpp, MODEL);
    // What the proxy makes of the empty generate ends where the context does.
    spec.engine.context_tokens = Some(128);
    let llama = llama::start(&pod, &under, &spec, &llama::installs(pod.data_dir())).await;
    llama::until_up(&pod, &under, &llama, Duration::from_mins(1)).await;
    let front = Pod::new("proxy");
    let config = front.data_dir().join("proxy.yaml");
    let yaml = format!(
        "providers: {{llama: {{base_url: \"{}/v1\", api_key: none}}}}\nmodels: [llama/{MODEL}]\n",
        llama.endpoint
    );
    std::fs::write(&config, yaml).unwrap();
    let request = front.request(Arc::new(move |port| {
        Ok(LocalCommand {
            program: proxy.clone(),
            args: ["--host", "127.0.0.1", "--port", &port.to_string()].map(str::to_owned).to_vec(),
            env: [("PROXY_CONFIG_FILE".to_owned(), config.to_string_lossy().into_owned())].into(),
            model_path: None,
        })
    }));
    let running = front.provider.ensure_engine(&request).await.unwrap();
    let ollama = engine(EngineKind::Ollama);
    let version = llama::until_up(&front, &ollama, &running, Duration::from_mins(1)).await;
    assert!(version.is_some());
    let model = format!("llama/{MODEL}");
    let statuses = Mutex::new(Vec::new());
    let report = ollama
        .pull(&running.endpoint, &model, &|progress| statuses.lock().unwrap().push(progress.status))
        .await
        .unwrap();
    assert_eq!(report.bytes, None, "a pull that moved nothing has no size");
    assert_eq!(statuses.into_inner().unwrap().last().map(String::as_str), Some("success"));
    let loaded = ollama.load(&running.endpoint, &load(&model, 0)).await.unwrap();
    assert!(loaded.model_loading_s.is_some());
}

/// `REAL_ENGINES=1`: the real vLLM and SGLang on the CPU, from `scripts/real-engines/setup.sh`.
async fn real_engine(kind: EngineKind, limit: Duration) {
    if std::env::var_os("REAL_ENGINES").is_none_or(|value| value != "1") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools");
    let model = root.join("models/tiny");
    let hint = "run scripts/real-engines/setup.sh first (12 GB)";
    assert!(model.join("config.json").is_file(), "{} isn't there: {hint}", model.display());
    let pod = Pod::new("real");
    let engine = engine(kind);
    let mut spec = llama::spec(kind, "tiny");
    spec.engine.precision = Some("bf16".into());
    spec.model.path = Some(model.to_string_lossy().into_owned());
    let running = llama::start(&pod, &engine, &spec, &llama::installs(pod.data_dir())).await;
    let version = llama::until_up(&pod, &engine, &running, limit).await;
    let served = engine.served_model(&running.endpoint, "tiny").await.unwrap().unwrap();
    assert!(version.is_some() && served.context_tokens == Some(1024), "{version:?} {served:?}");
    let log = pod.provider.logs(&pod.name, 10_000).await.unwrap();
    let request = LoadRequest { startup_log: Some(&log), ..load("tiny", 0) };
    let report = engine.load(&running.endpoint, &request).await.unwrap();
    assert!(report.model_loading_s.is_some(), "{report:?}\n{log}");

    let client = dria_bench::http::client(Some(Duration::from_mins(2))).unwrap();
    let before = engine.engine_metrics(&running.endpoint).await.unwrap();
    let prompt = "The quick brown fox jumps over the lazy dog";
    let body =
        json!({ "model": "tiny", "prompt": prompt, "max_tokens": 8, "ignore_eos": true, "temperature": 0 });
    let url = running.endpoint.base_url.join("v1/completions").unwrap();
    let answer: Value = client.post(url).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 8, "{answer}");
    let counted = engine.count_tokens(&running.endpoint, "tiny", prompt).await.unwrap();
    if let Some(counted) = counted {
        assert_eq!(Some(u64::from(counted)), answer["usage"]["prompt_tokens"].as_u64());
    }
    let after = engine.engine_metrics(&running.endpoint).await.unwrap();
    assert_eq!(after.generation_tokens_total, Some(before.generation_tokens_total.unwrap_or(0.0) + 8.0));
    pod.provider.destroy(&pod.name, running.external_id.as_deref()).await.unwrap();
}

#[tokio::test]
async fn the_real_vllm_is_started_asked_and_ended_when_real_engines_are_asked_for() {
    real_engine(EngineKind::Vllm, Duration::from_mins(10)).await;
}

#[tokio::test]
async fn the_real_sglang_is_started_asked_and_ended_when_real_engines_are_asked_for() {
    real_engine(EngineKind::Sglang, Duration::from_mins(10)).await;
}
