//! The demo as a newcomer runs it: the real program, the real llama.cpp server, a real model.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::support::{
    contract::COLUMNS,
    database::{TestDatabase, public_folder},
    runs,
};

fn program(database: &TestDatabase, data_dir: &std::path::Path, args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("DATABASE_URL", &database.url)
        .env("DRIA_BENCH_DATA_DIR", data_dir)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_measures_a_real_engine_and_gives_ten_different_rows() {
    let database = TestDatabase::new().await;
    let folder = public_folder();
    let demo = program(&database, folder.path(), &["demo", "--seconds", "1", "--json"]);
    let told = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&demo.stdout).unwrap();
    assert_eq!(report["status"], "succeeded");
    assert!(
        report["spec"]["machine"]["gpu_id"].as_str().unwrap().starts_with("CPU "),
        "labelled as what it is"
    );
    for time in ["server_setup_s", "model_loading_s", "warmup_s", "total_s"] {
        assert!(report["setup"][time].as_f64().unwrap() > 0.0, "{time}: {}", report["setup"]);
    }
    assert_eq!(
        report["setup"]["model_download_s"],
        Value::Null,
        "nothing was downloaded, so nothing is copied there"
    );

    let results = report["results"].as_array().unwrap();
    let rates: Vec<Option<u64>> = results.iter().map(|result| result["rate"].as_u64()).collect();
    let expected: Vec<Option<u64>> = (1..=9).map(Some).chain([None]).collect();
    assert_eq!(rates, expected);
    let mut rows = BTreeSet::new();
    for result in results {
        let (measured, compat) = (&result["measured"], &result["compat"]);
        assert_eq!(measured["prompt_token_count"], 16.0, "prompts have exactly the length asked for");
        assert_eq!(measured["output_token_count"], 16.0, "by the engine's own usage");
        let number = |view: &Value, name: &str| view[name].as_f64().unwrap();
        // Little's law is an identity in compat. In measured it holds but for the window's edges, and how much these are
        // is the machine's mood here: domain::measure tests that bound on a made-up engine.
        let (l, lambda, w) = (
            number(compat, "request_concurrency"),
            number(compat, "requests_per_second"),
            number(compat, "request_latency"),
        );
        assert!((l - lambda * w).abs() <= 1e-9 * l, "{l} {lambda} {w}");
        assert!(result["instrument"]["flags"].as_array().unwrap().contains(&"shared_host".into()));
        rows.insert(serde_json::to_string(compat).unwrap());
        rows.insert(serde_json::to_string(measured).unwrap());
    }
    assert_eq!(rows.len(), 20, "no two rows are alike");

    let csv =
        program(&database, folder.path(), &["results", "latest", "--format", "csv", "--view", "compat"]);
    let csv = String::from_utf8(csv.stdout).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0].split(',').collect::<Vec<_>>(), COLUMNS);
    assert_eq!(lines.len(), 11);
    assert_eq!(runs::broken_invariants(&database, folder.path()).await, Vec::<String>::new());
}
