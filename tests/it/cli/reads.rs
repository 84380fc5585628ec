//! What is printed: data on stdout and nothing else, JSON that is JSON, and readers that go away.

use std::process::Stdio;

use super::QUICK;
use crate::support::{
    program::{Bench, Running, end_of, program},
    runs::broken_invariants,
};

const HEADER: &str = "benchmark_type,rate,max_number,warmup_number,benchmark_duration,total_requests,\
    successful_requests,requests_per_second,request_concurrency,request_latency,prompt_token_count,\
    output_token_count,time_to_first_token_ms,time_per_output_token_ms,inter_token_latency_ms,\
    output_tokens_per_second,tokens_per_second";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gives_ten_results_that_every_read_shows_as_text_and_as_json() {
    let bench = Bench::new().await;
    let run = bench.run(&format!("{QUICK} --seconds 0.3 --json --quiet"));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let report = run.json();
    assert_eq!(report["results"].as_array().unwrap().len(), 10);
    let id = report["run"].as_str().unwrap();

    for read in [
        "runs list",
        "runs show latest",
        "results latest",
        "catalog gpus",
        "catalog models",
        "workflows list",
        "workflows show benchmark",
        "workflows check",
        "config show",
        "doctor",
        "migrate",
    ] {
        let json = bench.run(&format!("{read} --json"));
        assert_eq!((json.code, json.stderr.as_str()), (Some(0), ""), "{read}: {json:?}");
        json.json();
        let text = end_of(bench.command(read).env("NO_COLOR", "1"));
        assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{read}: {text:?}");
        assert!(!text.stdout.contains('\u{1b}'), "{read} is coloured");
        let short = text.stdout.lines().all(|line| !line.ends_with(' ') || line.contains('|'));
        assert!(short, "{read} has blanks at its lines' ends: {}", text.stdout);
    }
    let csv = bench.run(&format!("results {} --format csv --view compat", &id[..13]));
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), (HEADER, 11), "{csv:?}");

    for (refused, code, said) in [
        ("runs retry latest", 1, "run --like"),
        ("runs cancel latest", 1, "is succeeded already"),
        ("runs show deadbeef", 1, "there is no run `deadbeef`"),
        ("results 01a20c6b-0000-7000-8000-000000000000", 1, "there is no run"),
        ("runs list --status failed", 0, "no run is failed"),
    ] {
        let ended = bench.run(refused);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{refused}: {ended:?}");
        assert!(ended.stderr.contains(said), "{refused}: {ended:?}");
    }

    let again = bench.run("run --like latest --json");
    assert_eq!(again.code, Some(0), "{again:?}");
    let again = again.json();
    assert_eq!(again["spec"], report["spec"], "the same engine, model, machine, load and seed");
    assert_eq!(again["system"]["prompts"]["sha256"], report["system"]["prompts"]["sha256"]);
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

#[test]
fn the_settings_of_price_sources_are_shown_and_no_key_is() {
    let mut command = program();
    command
        .args(["config", "show", "--json"])
        .env("HOME", "/nonexistent")
        .env("PRICE_LIUM_URL", "http://ann:hunter2@127.0.0.1:7/lium")
        .env("LAMBDA_API_KEY", "hunter2")
        .env("RUNPOD_API_KEY", "hunter2");
    let shown = end_of(&mut command);
    assert_eq!((shown.code, shown.stdout.contains("hunter2")), (Some(0), false), "{shown:?}");
    let json = shown.json();
    let of = |key: &str| (json[key]["value"].clone(), json[key]["origin"].as_str().unwrap().to_owned());
    assert_eq!(
        of("prices.lium.url"),
        ("http://ann:***@127.0.0.1:7/lium".into(), "environment PRICE_LIUM_URL".to_owned())
    );
    assert_eq!(of("prices.vultr.url").1, "default");
    assert_eq!(of("prices.lambda.key"), ("***".into(), "environment LAMBDA_API_KEY".to_owned()));
    assert_eq!(of("prices.runpod_v2.key"), ("***".into(), "environment RUNPOD_API_KEY".to_owned()));
    assert_eq!(of("prices.verda.key"), (serde_json::Value::Null, "default".to_owned()));
    assert_eq!(json["prices.verda.key"]["variable"], "VERDA_API_KEY");
    assert!(json.get("prices.lium.key").is_none(), "it wants none");
    assert!(json["prices.lium.interval_s"]["value"].as_u64().unwrap() > 0);
    assert!(json["prices.lium.time_limit_s"]["value"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_nobodys_failure() {
    let bench = Bench::new().await;
    for read in [
        "runs list --json",
        "catalog gpus",
        "config show",
        "doctor",
        "--help",
        "run --help",
        "completions zsh",
    ] {
        let mut command = bench.command(read);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*stderr), (Some(0), ""), "{read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn following_a_run_that_nobody_works_says_so_and_ends_when_asked() {
    let bench = Bench::new().await;
    let mut killed = bench.start(&format!("{QUICK} --rates 1 --seconds 20"));
    killed.wait_for(&["✓ start_engine"]);
    killed.kill_9();
    let mut following = Running::start(&mut bench.command("runs show latest --follow"));
    following.wait_for(&["no worker is running", "dria-bench worker"]);
    following.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(following.end().code, Some(130));
    assert_eq!(bench.run("runs cancel latest").code, Some(0));
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}
