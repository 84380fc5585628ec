//! `gpus fit`, `gpus recommend` and `results --cost`, as people use them, and the history behind them.

use std::time::Duration;

use dria_bench::{
    domain::{catalog::Catalog, kinds::EngineKind, sizing::Precision},
    store::measured,
};
use sqlx::Row;

use crate::support::{
    database::TestDatabase,
    program::{Bench, Ended, end_of, file, program},
};

/// The program with a database that nobody can reach: `gpus fit` needs none.
fn without_database(arguments: &[&str]) -> Ended {
    end_of(
        program()
            .args(arguments)
            .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
            .env("HOME", "/nonexistent"),
    )
}

#[test]
fn fit_says_of_every_gpu_how_many_it_takes_or_why_none_do() {
    let fit = without_database(&["gpus", "fit", "--model", "Devstral Small 24B"]);
    assert_eq!(fit.code, Some(0), "{fit:?}");
    insta::assert_snapshot!("fit", format!("{}\n{}", fit.stderr, fit.stdout));
    let one = without_database(&["gpus", "fit", "--model", "devstral-small-24b", "--gpu", "L40S"]);
    assert!(one.stderr.contains("×1 needs 43.9 GiB of weights + 5.6 GiB of KV cache"), "{one:?}");
    let json =
        without_database(&["gpus", "fit", "--model", "Devstral Small 24B", "--gpu", "L40S", "--json"]).json();
    assert_eq!(json["gpus"][0]["fits"]["count"], 2);
    assert_eq!(json["gpus"][0]["rejections"][0]["code"], "memory");
    assert_eq!(json["disk"]["weights_gb"], 52);
    let fp8 =
        ["gpus", "fit", "--model", "Devstral Small 24B", "--gpu", "L40S", "--precision", "fp8", "--json"];
    assert_eq!(without_database(&fp8).json()["gpus"][0]["fits"]["count"], 1);
}

#[test]
fn a_model_outside_the_catalog_is_sized_by_its_config_or_its_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"torch_dtype":"bfloat16",
        "tie_word_embeddings":false}"#;
    let good = file(folder.path(), "config.json", config.as_bytes());
    let known = without_database(&["gpus", "fit", "--model", "Llama 3.1 8B", "--json"]).json();
    let read = without_database(&["gpus", "fit", "--config-json", good.to_str().unwrap(), "--json"]).json();
    assert_eq!(read["gpus"][0]["fits"]["count"], known["gpus"][0]["fits"]["count"]);
    let params = read["model"]["total_params"].as_f64().unwrap();
    assert!((params / 8.03e9 - 1.0).abs() < 0.005, "{params}");

    let sized = without_database(&["gpus", "fit", "--parameters", "7b", "--gpu", "L40S"]);
    assert!(sized.stderr.contains("guessed from its size"), "{sized:?}");

    let bad = file(
        folder.path(),
        "bad.json",
        config.replace("\"num_hidden_layers\":32", "\"num_hidden_layers\":0").as_bytes(),
    );
    let page = file(folder.path(), "page.json", b"<html></html>");
    for (arguments, said) in [
        (vec!["--config-json", bad.to_str().unwrap()], "config.json: `num_hidden_layers`: `0` must be"),
        (vec!["--config-json", page.to_str().unwrap()], "config.json: expected value"),
        (vec!["--config-json", "/dev/zero"], "/dev/zero can't be read: it is longer than 4 MiB"),
        (vec!["--config-json", "/nowhere/config.json"], "/nowhere/config.json can't be read"),
        (vec!["--parameters", "8x7b"], "46.7b"),
        (vec!["--parameters", "-7b"], "is no number of parameters"),
        (vec!["--model", "nope"], "unknown model `nope`"),
        (vec!["--model", "Falcon 2 11B"], "--parameters"),
        (vec!["--model", "Llama 3 8B", "--context", "9000"], "more than the 8192"),
        (vec!["--model", "Llama 3 8B", "--concurrency", "0"], "--concurrency: must be from 1"),
        (vec!["--model", "Llama 3 8B", "--memory-share", "nan"], "--memory-share: must be from 0.1 to 1"),
        (vec!["--model", "Llama 3 8B", "--precision", "fp7"], "isn't one of"),
        (vec!["--model", "Llama 3 8B", "--gpu", "H201"], "NVIDIA H200"),
        (vec![], "--model"),
    ] {
        let refused = without_database(&[&["gpus", "fit"][..], &arguments].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(said), "{arguments:?}: {refused:?}");
    }
}

/// Puts succeeded runs of Llama 3.1 8B on vLLM into the ledger: one a GPU and rate.
async fn measured(database: &TestDatabase, levels: &[(&str, f64, &str)]) {
    for (gpu, rate, also) in levels {
        database
            .execute(format!(
                "with run as (
                   insert into workflow_runs (id, kind, spec, definition, queue, status, finished_at)
                   values (gen_random_uuid(), 'benchmark',
                           '{{\"engine\": {{\"kind\": \"vllm\"}},
                             \"model\": {{\"id\": \"meta-llama/Llama-3.1-8B-Instruct\"}},
                             \"machine\": {{\"provider\": \"runpod\", \"gpu_id\": \"{gpu}\"}}}}', '{{}}', 'steps',
                           'succeeded', now())
                   returning id)
                 insert into benchmark_results
                   (run_id, step, generation, benchmark_type, benchmark_duration, total_requests, successful_requests,
                    summary, comparability, records_sha256, started_at, superseded_at)
                 select id, 5, 1, 'throughput', 30, 10, 10,
                        jsonb_build_object('measured', jsonb_build_object(
                          'prompt_token_count', 100, 'output_token_count', 200, 'inter_token_latency_ms', 10,
                          'output_tokens_per_second', {rate},
                          'percentiles', jsonb_build_object(
                            'time_to_first_token_ms', jsonb_build_object('p50', 50)))),
                        jsonb_build_object('gpu_id', '{gpu}', 'gpu_count', 1, 'precision', 'bfloat16'),
                        md5(id::text) || md5('x' || id::text), now(), {also}
                 from run"
            ))
            .await;
    }
}

const PRICES: &[u8] =
    b"gpu,usd_per_gpu_hour,source,in_stock\nL40S,0.86,a,true\nH100 SXM,2.69,b,\nH100 SXM,1.99,c,false\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recommended_is_what_was_measured_and_without_a_price_nothing_is_made_up() {
    let bench = Bench::new().await;
    let prices = file(bench.data_dir(), "prices.csv", PRICES);
    let base = "gpus recommend --model meta-llama/Llama-3.1-8B-Instruct --max-count 1 --json";
    let with_prices = format!("{base} --prices {}", prices.display());
    let of = |answer: &serde_json::Value, gpu: &str| {
        answer["ranked"].as_array().unwrap().iter().find(|one| one["gpu"] == gpu).unwrap().clone()
    };
    let (l40s, h100) = ("NVIDIA L40S", "NVIDIA H100 80GB HBM3");

    let by_roofline = bench.run(&with_prices).json();
    assert_eq!(by_roofline["ranked"][0]["gpu"], h100);
    assert_eq!(by_roofline["ranked"][0]["prediction"]["method"], "roofline");
    assert_eq!(of(&by_roofline, "NVIDIA A40")["usd_per_hour"], serde_json::Value::Null);

    // A superseded result is none, however good.
    let none = "null";
    let levels =
        [(l40s, 1_500.0, none), (h100, 900.0, none), (h100, 1_100.0, none), (h100, 90_000.0, "now()")];
    measured(&bench.database, &levels).await;
    let by_history = bench.run(&with_prices).json();
    assert_eq!(by_history["ranked"][0]["gpu"], l40s, "{by_history:#}");
    let h100 = of(&by_history, h100);
    assert_eq!((&h100["prediction"]["method"], &h100["prediction"]["runs"]), (&"history".into(), &2.into()));
    assert_eq!(h100["prediction"]["output_tokens_per_second"]["mid"], 1_000.0);
    // 2.69 $ and not 1.99 $, which is out of stock; 3.6 million tokens an hour.
    assert_eq!(h100["usd_per_million_output_tokens"]["mid"], "0.747222");
    assert_eq!(of(&by_history, "NVIDIA A40")["prediction"]["method"], "scaled");

    let cheap = bench.run(&format!("{with_prices} --max-usd-per-hour 1"));
    assert_eq!(cheap.json()["ranked"].as_array().unwrap().len(), 1);
    let none_left = bench.run(&format!("{with_prices} --max-price 0.5"));
    assert_eq!(none_left.code, Some(1));
    let table = bench.run(&format!("{} --limit 2", with_prices.replace(" --json", "")));
    assert_eq!((table.code, table.stdout.lines().count()), (Some(0), 3), "{table:?}");
    assert!(table.stderr.contains("vllm, as many requests as fit, at most "), "{table:?}");

    for (arguments, said) in [
        ("--goal slo", "--ttft-ms, --itl-ms"),
        ("--goal best", "must be cheapest, fastest or slo"),
        ("--max-price 0", "--max-usd-per-hour: must be greater than zero"),
        ("--prompt-tokens 200000", "more than the 131072 that Llama 3.1 8B can have"),
        ("--prompt-tokens 300 --context 400", "--context: 400 tokens don't hold"),
        ("--goal slo --itl-ms nan", "must be greater than zero"),
        ("--prices /nowhere.csv", "/nowhere.csv"),
    ] {
        let refused = bench.run(&format!("{base} {arguments}"));
        assert_eq!(refused.code, Some(2), "{arguments}: {refused:?}");
        assert!(refused.stderr.contains(said), "{arguments}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_has_the_live_results_of_succeeded_runs_of_the_model_and_engine_alone() {
    let database = TestDatabase::new().await;
    measured(
        &database,
        &[("NVIDIA L40S", 100.0, "null"), ("NVIDIA L40S", 200.0, "now()"), ("CPU x", 3.0, "null")],
    )
    .await;
    database
        .execute(
            "insert into workflow_runs (id, kind, spec, definition, queue, status, finished_at)
             select gen_random_uuid(), kind, spec, definition, queue, 'failed', now() from workflow_runs",
        )
        .await;
    let mut conn = database.pool.acquire().await.unwrap();
    let catalog = Catalog::embedded().unwrap();
    let ids = ["llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct"].map(str::to_owned);
    let points = measured::points(&mut conn, &catalog, EngineKind::Vllm, &ids).await.unwrap();
    assert_eq!(points.len(), 1, "{points:?}");
    let point = &points[0];
    assert_eq!((point.gpu.as_str(), point.count, point.streams), ("NVIDIA L40S", 1, None));
    assert_eq!((point.precision, point.output_tokens_per_second), (Some(Precision::Bf16), 100.0));
    assert_eq!((point.ttft_ms, point.itl_ms), (Some(50.0), Some(10.0)));
    assert_eq!(measured::points(&mut conn, &catalog, EngineKind::Sglang, &ids).await.unwrap(), []);
    assert_eq!(measured::points(&mut conn, &catalog, EngineKind::Vllm, &ids[..1]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn among_a_hundred_thousand_runs_the_history_of_a_model_is_found_by_its_index() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into workflow_runs (id, kind, spec, definition, queue, status, finished_at)
             select gen_random_uuid(), 'benchmark',
                    jsonb_build_object('engine', jsonb_build_object('kind', 'vllm'),
                                       'model', jsonb_build_object('id', 'model-' || n % 500),
                                       'machine', '{\"provider\": \"runpod\", \"gpu_id\": \"x\"}'::jsonb),
                    '{}', 'steps', 'succeeded', now() - n * interval '1 minute'
             from generate_series(1, 100000) n;
             analyze workflow_runs",
        )
        .await;
    let mut conn = database.pool.acquire().await.unwrap();
    let plan: Vec<String> = sqlx::query(
        "explain select id, finished_at from workflow_runs
         where engine = 'vllm' and model = any(array['model-7', 'other']) and status = 'succeeded'
         order by finished_at desc limit 200",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect();
    let plan = plan.join("\n");
    assert!(plan.contains("workflow_runs_history") && !plan.contains("Seq Scan"), "{plan}");
    let (catalog, ids) = (Catalog::embedded().unwrap(), ["model-7".to_owned()]);
    let asked = measured::points(&mut conn, &catalog, EngineKind::Vllm, &ids);
    let found = tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap().unwrap();
    assert_eq!(found, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_of_a_run_is_at_the_price_paid_or_given() {
    let bench = Bench::new().await;
    // Gaps long enough to be seen on a busy machine too.
    let run = bench.run(
        "run --engine truth --prompt-tokens 4 --output-tokens 16 --engine-arg=--ttft-ms=10 --engine-arg=--itl-ms=5 \
         --rates 1,2 --seconds 1 --json --quiet",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let efficiency = &run.json()["results"][0]["efficiency"];
    assert_eq!(efficiency["bandwidth_share"], serde_json::Value::Null);
    assert_eq!(efficiency["missing"][0], "no GPU was used");

    let unpaid = bench.run("results latest --cost");
    assert_eq!(unpaid.code, Some(2));
    assert!(
        unpaid.stderr.contains("paid no price") && unpaid.stderr.contains("--usd-per-hour"),
        "{unpaid:?}"
    );

    let full = bench.run("results latest --cost --usd-per-hour 3.60 --json").json();
    let half = bench.run("results latest --cost --usd-per-hour 3.60 --utilisation 50 --json").json();
    assert_eq!((&full["basis"], &full["benchmark_usd"]), (&"given".into(), &serde_json::Value::Null));
    assert_eq!(full["levels"].as_array().unwrap().len(), 3);
    let usd = |answer: &serde_json::Value| -> f64 {
        answer["levels"][0]["usd_per_million_output_tokens"].as_str().unwrap().parse().unwrap()
    };
    assert!((usd(&half) - 2.0 * usd(&full)).abs() < 1e-5, "{half} {full}");

    let speed = full["levels"][0]["tokens_per_second_per_user"].as_f64().unwrap();
    let at = bench.run(&format!("results latest --cost --usd-per-hour 3.60 --speed {speed} --json")).json();
    assert_eq!(at["at_speed"]["basis"], "measured");
    assert_eq!(
        at["at_speed"]["usd_per_million_output_tokens"],
        full["levels"][0]["usd_per_million_output_tokens"]
    );
    let beyond = bench.run("results latest --cost --usd-per-hour 3.60 --speed 1000000");
    assert!(beyond.stderr.contains("outside of what was measured"), "{beyond:?}");
    assert_eq!(beyond.stdout.lines().count(), 4, "{beyond:?}");

    for (arguments, said) in [
        ("--usd-per-hour 3.60", "--cost"),
        ("--cost --usd-per-hour 0", "greater than zero"),
        ("--cost --usd-per-hour nan", "must be a price"),
        ("--cost --usd-per-hour 1 --utilisation 0", "0 is not in 1..=100"),
        ("--cost --usd-per-hour 1 --speed inf", "greater than zero"),
    ] {
        let refused = bench.run(&format!("results latest {arguments}"));
        assert_eq!(refused.code, Some(2), "{arguments}: {refused:?}");
        assert!(refused.stderr.contains(said), "{arguments}: {refused:?}");
    }
}
