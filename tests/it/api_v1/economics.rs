//! What fits, what to take and what tokens cost, over HTTP: the same that the commands say.

use dria_bench::ledger::tokens::Role;
use serde_json::{Value, json};

use super::{App, plain, problem};
use crate::support::prices::{Said, say};

const LLAMA: &str = "model=Llama%203.1%208B";

const TODAY: [Said<'_>; 5] = [
    ("runpod", "NVIDIA L40S", 1, "0.86", "secure", 1, true),
    ("runpod", "NVIDIA L40S", 2, "0.86", "secure", 1, false),
    ("runpod", "NVIDIA H200", 0, "3.99", "secure", 1, true),
    ("lium", "NVIDIA H100 80GB HBM3", 1, "1.85", "", 1, true),
    ("lium", "NVIDIA H100 80GB HBM3", 1, "0.01", "old", 13, true),
];

#[tokio::test]
async fn every_gpus_verdict_is_that_of_the_command() {
    let app = App::new().await;
    let one = app.json("/api/v1/fits?model=Devstral%20Small%2024B&gpu=L40S").await;
    assert_eq!(one["gpus"][0]["fits"]["count"], 2, "{one}");
    assert_eq!(one["gpus"][0]["rejections"][0]["code"], "memory");
    assert_eq!(one["disk"]["weights_gb"], 52);
    let fp8 = app.json("/api/v1/fits?model=Devstral%20Small%2024B&gpu=L40S&precision=fp8").await;
    assert_eq!(fp8["gpus"][0]["fits"]["count"], 1);
    let every = app.json(&format!("/api/v1/fits?{LLAMA}")).await;
    assert!(every["gpus"].as_array().unwrap().len() > 20);

    let config = r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"torch_dtype":"bfloat16",
        "tie_word_embeddings":false}"#;
    let request = app.client.get(format!("{}/api/v1/fits", app.server.url()));
    let read: Value = request
        .query(&[("config_json", config), ("gpu", "L40S")])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let known = app.json(&format!("/api/v1/fits?{LLAMA}&gpu=L40S")).await;
    assert_eq!(read["gpus"][0]["fits"]["count"], known["gpus"][0]["fits"]["count"]);

    for (query, wrong) in [
        ("gpu=L40S", vec!["model"]),
        ("model=llama9", vec!["model"]),
        ("parameters=-7b", vec!["model", "parameters"]),
        ("config_json=%7B%7D", vec!["config_json"]),
        (
            "model=Llama%203%208B&context=9000&concurrency=0&memory_share=NaN",
            vec!["context", "concurrency", "memory_share"],
        ),
        (
            "model=Llama%203%208B&gpu=H9000&precision=fp7&max_count=9&kv_cache=4bit",
            vec!["gpu", "kv_cache", "max_count", "precision"],
        ),
    ] {
        let (status, code, mut parts) = problem(app.get(&format!("/api/v1/fits?{query}")).await).await;
        assert_eq!((status, code.as_str()), (422, "invalid_parameters"), "{query}");
        parts.sort();
        let mut wrong = wrong;
        wrong.sort_unstable();
        assert_eq!(parts, wrong, "{query}");
    }
}

#[tokio::test]
async fn what_is_recommended_is_in_stock_within_the_price_and_its_reason_is_said() {
    let app = App::new().await;
    say(&app.bench.database, &TODAY).await;
    let all = app.json(&format!("/api/v1/recommendations?{LLAMA}&max_count=2")).await;
    assert_eq!((&all["engine"], &all["goal"]), (&json!("vllm"), &json!("cheapest")));
    let ranked = all["ranked"].as_array().unwrap();
    let of = |gpu: &str, count: u32| ranked.iter().find(|one| one["gpu"] == gpu && one["count"] == count);
    assert_eq!(of("NVIDIA L40S", 1).unwrap()["usd_per_hour"], "0.86");
    // The price is the same for any number of H200.
    assert_eq!(of("NVIDIA H200", 2).unwrap()["usd_per_hour"], "7.98");
    // 0.01 $ is of half a day ago, and doesn't count.
    assert_eq!(of("NVIDIA H100 80GB HBM3", 1).unwrap()["usd_per_hour"], "1.85");
    assert_eq!(of("NVIDIA H100 80GB HBM3", 2).unwrap()["usd_per_hour"], Value::Null, "nobody sells two");
    let gone = all["rejected"].as_array().unwrap().iter().find(|one| one["gpu"] == "NVIDIA L40S").unwrap();
    assert_eq!((&gone["count"], &gone["reason"]), (&json!(2), &json!("out of stock at runpod secure")));
    let first = &ranked[0];
    assert!(first["reason"].as_str().unwrap().contains("of the roofline"), "{first}");
    assert!(first["usd_per_million_output_tokens"]["low"].is_string(), "{first}");

    let cheap = app.json(&format!("/api/v1/recommendations?{LLAMA}&max_usd_per_hour=1")).await;
    let gpus: Vec<_> = cheap["ranked"].as_array().unwrap().iter().map(|one| one["gpu"].clone()).collect();
    assert_eq!(gpus, ["NVIDIA L40S"]);

    for (query, wrong) in [
        ("goal=slo", vec!["goal"]),
        ("goal=best", vec!["goal"]),
        ("prompt_tokens=200000", vec!["prompt_tokens"]),
        ("max_usd_per_hour=0&ttft_ms=nan&engine=vlm", vec!["engine", "max_usd_per_hour", "ttft_ms"]),
        ("limit=3", vec!["limit"]),
    ] {
        let refused = app.get(&format!("/api/v1/recommendations?{LLAMA}&{query}")).await;
        let (status, _, mut parts) = problem(refused).await;
        parts.sort();
        assert_eq!((status, parts), (422, wrong.into_iter().map(str::to_owned).collect()), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn costs_are_those_of_a_run_or_of_the_newest_of_a_model_and_gpu() {
    let app = App::new().await;
    app.bench.drain().await;
    let run = app.bench.run;
    let (status, _, parts) = problem(app.get(&format!("/api/v1/costs?run={run}")).await).await;
    assert_eq!((status, parts), (422, vec!["usd_per_hour".to_owned()]), "it paid nothing");

    let full = app.json(&format!("/api/v1/costs?run={run}&usd_per_hour=3.60")).await;
    let costs = &full["costs"][0];
    assert_eq!(
        (&costs["run"], &costs["basis"], &costs["engine"]),
        (&json!(run), &json!("given"), &json!("truth"))
    );
    assert_eq!(costs["levels"].as_array().unwrap().len(), 2, "{full}");
    let usd = |answer: &Value| -> f64 {
        answer["costs"][0]["levels"][0]["usd_per_million_output_tokens"].as_str().unwrap().parse().unwrap()
    };
    let half = app.json(&format!("/api/v1/costs?run={run}&usd_per_hour=3.60&utilisation=50")).await;
    assert!((usd(&half) - 2.0 * usd(&full)).abs() < 1e-5, "{half} {full}");
    let speed = costs["levels"][0]["tokens_per_second_per_user"].as_f64().unwrap();
    let one = app
        .json(&format!("/api/v1/costs?run={run}&usd_per_hour=3.60&level=concurrency:1&speed={speed}"))
        .await;
    assert_eq!(one["costs"][0]["levels"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(one["costs"][0]["at_speed"]["basis"], "measured", "{one}");

    // A price that is paid for by the hour, on GPUs that others rent out too.
    app.bench
        .database
        .execute(
            "update benchmark_results set comparability = comparability || '{\"gpu_id\": \"NVIDIA L40S\", \"gpu_count\": 2}';
             update workflow_runs set spec = jsonb_set(spec, '{machine,gpu_id}', '\"NVIDIA L40S\"')",
        )
        .await;
    say(&app.bench.database, &[("lium", "NVIDIA L40S", 0, "0.10", "", 1, true)]).await;
    let found = app.json("/api/v1/costs?engine=truth&gpu=L40S&usd_per_hour=1").await;
    assert_eq!(
        (&found["costs"][0]["run"], &found["costs"][0]["gpu_count"]),
        (&json!(run), &json!(2)),
        "{found}"
    );
    let unpriced = app.json("/api/v1/costs?gpu=L40S").await;
    assert_eq!((&unpriced["costs"], &unpriced["unpriced"]), (&json!([]), &json!([run])));
    assert_eq!(app.json("/api/v1/costs?gpu=H200").await["costs"], json!([]));
    let everywhere = app.json(&format!("/api/v1/costs/everywhere?run={run}")).await;
    let offer = &everywhere["costs"][0]["offers"][0];
    assert_eq!((&offer["platform"], &offer["usd_per_hour"]), (&json!("lium"), &json!("0.2")), "{everywhere}");
    assert_eq!(offer["levels"].as_array().unwrap().len(), 2);

    for (query, wrong) in [
        ("", "run"),
        ("?run=nobody", "run"),
        ("?run=01949c00-0000-7000-8000-000000000000&gpu=H9000", "gpu"),
        ("?gpu=L40S&utilisation=0", "utilisation"),
        ("?gpu=L40S&speed=inf", "speed"),
        ("?gpu=L40S&usd_per_hour=-1", "usd_per_hour"),
        ("?gpu=L40S&level=warmup", "level"),
        ("?gpu=L40S&limit=21", "limit"),
    ] {
        let (status, _, parts) = problem(app.get(&format!("/api/v1/costs{query}")).await).await;
        assert_eq!(status, 422, "{query}");
        assert!(parts.iter().any(|part| part == wrong), "{query}: {parts:?}");
    }
    let nobody = app.get("/api/v1/costs?run=01949c00-0000-7000-8000-000000000000&usd_per_hour=1").await;
    assert_eq!(problem(nobody).await.1, "run_not_found");
}

#[tokio::test]
async fn a_gpu_that_is_left_open_is_picked_as_the_run_is_made() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let mut body = plain();
    body["model"] = json!({ "id": "meta-llama/Llama-3.1-8B-Instruct" });
    body["machine"] = json!({ "provider": "runpod", "gpu_id": "Auto" });
    let (status, code, _) = problem(app.create(&operator, &body).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"), "no price is known");
    say(&app.bench.database, &TODAY).await;

    let send = async |body: &Value| {
        let request = app.request(reqwest::Method::POST, "/api/v1/runs").header("idempotency-key", "auto-1");
        request.bearer_auth(&operator).json(body).send().await.unwrap()
    };
    let created = send(&body).await;
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    let run = app.json(&format!("/api/v1/runs/{}", created["run"].as_str().unwrap())).await;
    let machine = &run["spec"]["machine"];
    assert_eq!((&machine["gpu_id"], &machine["gpu_count"]), (&json!("NVIDIA L40S"), &json!(1)));
    assert_eq!(machine["gpu_candidates"], json!(["NVIDIA H200"]), "in the order in which they are tried");
    let told = "select count(*) from run_events where kind = 'gpu_picked' and actor like 'token:%'
                and data #>> '{choices,0,reason}' like '%0.86 $ a GPU-hour at runpod secure%'";
    assert_eq!(app.bench.database.count(told).await, 1);
    // Sent again when nothing can be picked any more, it still is that run.
    app.bench.database.execute("update latest_prices set last_seen_at = now() - interval '13 hours'").await;
    let again = send(&body).await;
    assert_eq!(
        (again.status().as_u16(), &again.json::<Value>().await.unwrap()["run"]),
        (200, &created["run"])
    );
    app.bench.database.execute("update latest_prices set last_seen_at = now()").await;

    body["machine"]["max_usd_per_hour"] = json!(0.5);
    let refused = app.create(&operator, &body).await;
    let detail = refused.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("0.86 $ an hour are more than 0.5"), "{detail}");
    for (machine, wrong) in [
        (json!({ "provider": "local", "gpu_id": "auto" }), vec!["machine.gpu_id"]),
        (
            json!({ "provider": "runpod", "gpu_id": "auto", "gpu_count": 0, "gpu_candidates": ["H200"] }),
            vec!["machine.gpu_candidates", "machine.gpu_count"],
        ),
        (
            json!({ "provider": "runpod", "gpu_id": "H200", "max_usd_per_hour": 3 }),
            vec!["machine.max_usd_per_hour"],
        ),
        (
            json!({ "provider": "runpod", "gpu_id": "auto", "max_usd_per_hour": 0 }),
            vec!["machine.max_usd_per_hour"],
        ),
    ] {
        body["machine"] = machine.clone();
        assert_eq!(problem(app.create(&operator, &body).await).await.2, wrong, "{machine}");
    }
    body["machine"] = json!({ "provider": "runpod", "gpu_id": "auto" });
    body["engine"]["context_tokens"] = json!(200_000);
    assert_eq!(problem(app.create(&operator, &body).await).await.2, ["machine.gpu_id"]);
}
