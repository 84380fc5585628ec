//! Raw records: stored with their result, given out in every format, and still giving every published figure.

use dria_bench::{
    api,
    config::Server as ServerSettings,
    domain::measure::{digest, raw, summarise},
    report::recompute,
    store::records,
};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::drain::Bench;

/// A run of the truth engine that is over: throughput, and one stream.
async fn measured() -> Bench {
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    bench
}

struct Printed {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

/// Runs `dria-bench results …` against the run's database.
async fn results(bench: &Bench, arguments: &[&str]) -> Printed {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .arg("results")
        .args(arguments)
        .env("DATABASE_URL", &bench.database.url)
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Printed { code: output.status.code(), stdout: output.stdout, stderr }
}

#[tokio::test]
async fn stored_records_give_every_published_figure_of_a_real_run_again() {
    let bench = measured().await;
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let stored = records::list(&mut conn, bench.run).await.unwrap();
    assert_eq!(stored.len(), 2);
    for result in &stored {
        let level = raw::decode(result.records.as_ref().unwrap()).unwrap();
        // What was seen beside the records, such as the engine's own counters, can't be derived from them.
        let derived = summarise(&level);
        assert_eq!(derived.measured, result.summary.measured);
        assert_eq!(derived.compat, result.summary.compat);
        assert_eq!(derived.itl_histogram, result.summary.itl_histogram);
        assert_eq!(derived.precision, result.summary.precision);
        assert_eq!(digest(&level), result.records_sha256);
        assert_eq!(result.columns, result.summary.compat);
    }
    for result in recompute::run(&mut conn, bench.run).await.unwrap() {
        assert!(result.equal, "{result:?}");
        assert!(result.figures > 60 && result.requests > 0, "{result:?}");
    }
    let printed = results(&bench, &["recompute", "latest"]).await;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(String::from_utf8_lossy(&printed.stdout).starts_with("✓ concurrent 1: "));
}

#[tokio::test]
async fn a_falsified_figure_is_found_and_named_wherever_it_was_changed() {
    let bench = measured().await;
    let database = &bench.database;
    database
        .execute("update benchmark_results set request_latency = request_latency * 0.999 where rate = 1")
        .await;
    database
        .execute(
            "update benchmark_results set summary = jsonb_set(summary, '{measured,output_tokens_per_second}', '99999')
             where rate is null",
        )
        .await;
    let printed = results(&bench, &["recompute", "latest", "--json"]).await;
    assert_eq!(printed.code, Some(1));
    assert!(printed.stderr.contains("2 of 2 results are not what their records give"), "{}", printed.stderr);
    let found: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let fields = |result: usize| -> Vec<&str> {
        let differences = found[result]["differences"].as_array().unwrap();
        differences.iter().map(|difference| difference["field"].as_str().unwrap()).collect()
    };
    assert_eq!(fields(0), ["row.request_latency"]);
    assert_eq!(fields(1), ["measured.output_tokens_per_second"]);
    assert_eq!(found[1]["differences"][0]["stored"], 99_999.0);
}

#[tokio::test]
async fn falsified_records_are_found_by_their_digest_and_missing_ones_are_said() {
    let bench = measured().await;
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let block = records::list(&mut conn, bench.run).await.unwrap()[0].records.clone().unwrap();
    let mut level = raw::decode(&block).unwrap();
    // A warm-up request, or one that nothing published depends on: only the digest can tell.
    level.records[0].stream += 7;
    let forged = hex::encode(raw::encode(&level).unwrap());
    bench
        .database
        .execute(format!(
            "update result_records set records = '\\x{forged}'
             where result_id = (select id from benchmark_results where rate = 1);
             delete from result_records where result_id = (select id from benchmark_results where rate is null)"
        ))
        .await;
    let found = recompute::run(&mut conn, bench.run).await.unwrap();
    let fields: Vec<_> = found[0].differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["records_sha256"]);
    assert!(!found[1].equal);
    assert!(found[1].problem.as_ref().unwrap().contains("older version"));
    assert_eq!(results(&bench, &["recompute", "latest"]).await.code, Some(1));
    let none = results(&bench, &["records", "latest", "--level", "throughput"]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("has no records of throughput"), "{}", none.stderr);
}

#[tokio::test]
async fn records_are_given_out_by_command_and_server_alike() {
    let bench = measured().await;
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let stored = records::list(&mut conn, bench.run).await.unwrap();
    let level = raw::decode(stored[0].records.as_ref().unwrap()).unwrap();
    let host = ServerSettings { host: [127, 0, 0, 1].into(), port: 0, ..ServerSettings::default() };
    let server = api::serve(&host, bench.database.pool.clone()).await.unwrap();
    let client = dria_bench::http::client(None).unwrap();
    let url = format!("{}/api/v1/runs/{}/results", server.url(), bench.run);
    for format in ["jsonl", "csv", "parquet", "raw"] {
        let file = bench.folder.path().join(format);
        let path = file.to_str().unwrap();
        let level = ["--level", "concurrency:1", "--format", format];
        let printed = results(&bench, &[&["records", "latest"], &level[..]].concat()).await;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        let saved = results(&bench, &[&["records", "latest", "--output", path], &level[..]].concat()).await;
        assert_eq!((saved.code, saved.stdout.len()), (Some(0), 0), "{}", saved.stderr);
        assert_eq!(std::fs::read(&file).unwrap(), printed.stdout);
        let answer = client.get(format!("{url}/concurrency:1/records?format={format}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.contains("concurrency-1."), "{disposition}");
        assert_eq!(answer.bytes().await.unwrap(), printed.stdout, "{format}");
    }
    let lines = std::fs::read_to_string(bench.folder.path().join("jsonl")).unwrap();
    assert_eq!(lines.lines().count(), level.records.len());
    assert_eq!(raw::decode(&std::fs::read(bench.folder.path().join("raw")).unwrap()).unwrap(), level);
    for (path, status, code) in [
        ("/warmup/records", 422, "invalid_parameters"),
        ("/concurrency:1/records?format=xml", 422, "invalid_parameters"),
        ("/concurrency:7/records", 404, "records_not_found"),
    ] {
        let answer = client.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_run_prints_in_the_shape_of_guidellm() {
    let bench = measured().await;
    let printed = results(&bench, &["latest", "--format", "guidellm"]).await;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let report: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(report["benchmarks"].as_array().unwrap().len(), 2);
    let mut conn = bench.database.pool.acquire().await.unwrap();
    let stored = records::list(&mut conn, bench.run).await.unwrap();
    for (benchmark, stored) in report["benchmarks"].as_array().unwrap().iter().zip(stored) {
        let totals = &benchmark["metrics"]["request_totals"];
        assert_eq!(totals["total"], stored.columns.total_requests);
        assert_eq!(totals["successful"], stored.columns.successful_requests);
    }
}

#[tokio::test]
async fn the_load_command_writes_parquet_and_prints_the_shape_of_guidellm() {
    let bench = Bench::new(&[1], |_| {}).await;
    let file = bench.folder.path().join("records.parquet");
    let url = bench.server.url();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .args(["load", "--url", &url, "--engine", "truth", "--model", "truth", "--streams", "2"])
        .args(["--seconds", "0.2", "--output-tokens", "3", "--format", "guidellm", "--records"])
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let benchmark = &report["benchmarks"][0];
    assert_eq!(benchmark["config"]["strategy"]["streams"], 2);
    assert!(benchmark["metrics"]["time_to_first_token_ms"]["successful"]["mean"].as_f64().unwrap() > 0.0);
    assert!(std::fs::read(file).unwrap().starts_with(b"PAR1"));
}
