//! Engines that are missing, don't start, or die: what is said, what the run's state is, and that nothing is left.

use std::net::TcpListener;

use serde_json::Value;

use super::QUICK;
use crate::support::{
    program::{Bench, Ended, file},
    runs::broken_invariants,
};

/// The run's report from its own JSON, after nothing was left behind.
async fn over(bench: &Bench, ended: &Ended) -> Value {
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new(), "{ended:?}");
    ended.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_can_not_run_fails_the_run_with_its_reason_and_its_own_exit_code() {
    let bench = Bench::new().await;
    let garbage = file(bench.data_dir(), "bad.gguf", &[7; 4096]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let weights = format!("run --engine llamacpp --model-path {}", garbage.display());
    let llamacpp_here = bench
        .run("doctor --json")
        .json()
        .as_array()
        .unwrap()
        .iter()
        .any(|check| check["check"] == "llamacpp" && check["verdict"] == "ok");
    let cases = [
        (format!("{QUICK} --port {port}"), 3, "port_taken", "held by"),
        (format!("{QUICK} --engine-arg=--nope"), 2, "engine_bad_flag", "unexpected argument '--nope'"),
        (weights, 2, "model_not_found", "bad.gguf"),
        ("run --engine llamacpp --model-path /nowhere.gguf".to_owned(), 2, "model_not_found", "--model-path"),
        ("run --engine llamacpp --model llama2-7b".to_owned(), 2, "model_not_found", "--model-path"),
    ];
    for (arguments, code, failure, said) in cases {
        if arguments.contains("llamacpp") && !llamacpp_here {
            continue;
        }
        let ended = bench.run(&format!("{arguments} --json"));
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let report = over(&bench, &ended).await;
        assert_eq!(
            (&report["status"], &report["error"]["code"]),
            (&"failed".into(), &failure.into()),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(said) && ended.stderr.contains("  next: "), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_engine_is_an_environment_error_that_says_how_to_install_it() {
    let bench = Bench::new().await;
    let ended = crate::support::program::end_of(
        bench.command("run --engine ollama --model llama2:7b --json").env("PATH", "/nowhere"),
    );
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(over(&bench, &ended).await["error"]["code"], "engine_missing");
    assert!(ended.stderr.contains("ollama.com/download") && ended.stderr.contains("runs retry"), "{ended:?}");
    let doctor = crate::support::program::end_of(bench.command("doctor").env("PATH", "/nowhere"));
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.contains("–  ollama    not installed"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_in_the_middle_of_a_level_is_started_again_and_measured_levels_stay() {
    let bench = Bench::new().await;
    let mut run = bench.start(&format!("{QUICK} --rates 1-9 --seconds 1 --json"));
    run.wait_for(&["✓ throughput"]);
    bench.kill_engine().await;
    run.wait_for(&["engine_lost", "Starting the engine again"]);
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = over(&bench, &ended).await;
    assert_eq!(report["results"].as_array().unwrap().len(), 10, "{ended:?}");
    let tries = "select count(*) from step_attempts where name = 'throughput'";
    assert_eq!(bench.database.count(tries).await, 1, "a level that was measured is not measured again");
    assert_eq!(
        bench.database.count("select count(*) from step_attempts where name = 'start_engine'").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_engine_lost_fails_the_run_which_can_be_retried() {
    let bench = Bench::new().await;
    let mut run = bench.start(&format!("{QUICK} --rates 1 --seconds 2 --json"));
    for _ in 0..3 {
        run.wait_for(&["✓ start_engine"]);
        bench.kill_engine().await;
    }
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = over(&bench, &ended).await;
    assert_eq!((&report["status"], &report["error"]["code"]), (&"failed".into(), &"engine_lost".into()));

    let retried = bench.run("runs retry latest --json");
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert_eq!(over(&bench, &retried).await["results"].as_array().unwrap().len(), 2);
    assert!(
        !retried.stderr.contains("engine_lost"),
        "what was before the retry is not told again: {retried:?}"
    );
}
