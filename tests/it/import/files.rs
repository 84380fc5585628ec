//! Files of one benchmark each.

use std::{fs, path::PathBuf};

use dria_bench::{
    api, config, http,
    import::{Error, files},
};
use serde_json::{Value, json};

use super::{counts, reasons};
use crate::support::{
    database::TestDatabase,
    program::{end_of, program},
};

/// The shipped samples.
fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/import"))
}

async fn ask(database: &TestDatabase, path: &str) -> Value {
    let server = api::serve(&config::Server::default(), database.pool.clone()).await.unwrap();
    let response = http::client(None).unwrap().get(format!("{}{path}", server.url())).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_folder_is_imported_once_and_clients_see_what_its_files_say() {
    let database = TestDatabase::new().await;
    let first = files::import(&database.pool, &[samples()]).await.unwrap();
    assert_eq!((counts(&first, "files"), first.skipped.len()), ((2, 0, 0, 0), 0));
    let again = files::import(&database.pool, &[samples()]).await.unwrap();
    assert_eq!(counts(&again, "files"), (0, 2, 0, 0));
    assert!(again.changed_nothing());

    for (pod_id, file) in [
        ("a1b2c3d4", "Llama-3-8B_NVIDIA_L40S_VLLM_a1b2c3d4.json"),
        ("e5f6a7b8", "Gemma3-1B_NVIDIA_GeForce_RTX_4090_Ollama_e5f6a7b8.json"),
    ] {
        let answer = ask(&database, &format!("/benchmark_results?pod_id={pod_id}")).await;
        let written: Value = serde_json::from_slice(&fs::read(samples().join(file)).unwrap()).unwrap();
        for (field, value) in written.as_object().unwrap() {
            assert_eq!(&answer[field], value, "{file} {field}");
        }
        assert_eq!(answer["graph_info"], json!([]));
    }
    let marked =
        database.count("select count(*) from published_runs where imported_from like 'file:%'").await;
    assert_eq!(marked, 2);
    let all = ask(&database, "/get_all_benchmarks").await;
    assert_eq!(all["pagination"]["total_items"], 2);
    assert_eq!(database.count("select count(*) from published_results").await, 0, "no number is made up");
}

#[tokio::test]
async fn what_a_file_lacks_its_name_says_or_nobody_knows() {
    let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("Qwen3-8B_NVIDIA_L40S_SGLang_pod-1.json", "{}");
    write("pod-2.json", r#"{"model_name": null, "hardware": "", "avg_throughput": 5}"#);
    // Several files may share model, GPU and engine.
    write("Qwen3-8B_NVIDIA_L40S_SGLang_pod-3.json", r#"{"server_cost_per_hour": 0.86, "cost": null}"#);
    write("notes.txt", "no benchmark");
    let report = files::import(&database.pool, &[folder.path().to_owned()]).await.unwrap();
    assert_eq!(counts(&report, "files"), (3, 0, 0, 0), "{report:?}");
    let one = ask(&database, "/benchmark_results?pod_id=pod-1").await;
    assert_eq!(
        (&one["model_name"], &one["hardware"], &one["inference_engine"], &one["server_type"]),
        (&json!("Qwen3-8B"), &json!("NVIDIA L40S"), &json!("SGLang"), &json!("unknown"))
    );
    assert_eq!(one["avg_throughput"], Value::Null);
    let two = ask(&database, "/benchmark_results?pod_id=pod-2").await;
    assert_eq!((&two["model_name"], &two["avg_throughput"]), (&json!("unknown"), &json!(5.0)));
    let three = ask(&database, "/benchmark_results?pod_id=pod-3").await;
    assert_eq!((&three["server_cost_per_hour"], &three["cost"]), (&json!(0.86), &Value::Null));
}

#[tokio::test]
async fn what_is_wrong_with_one_file_is_told_and_the_others_are_taken() {
    let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
    for (name, text) in [
        ("a_good.json", r#"{"avg_throughput": 1}"#),
        ("b_list.json", "[]"),
        ("c_broken.json", "{"),
        ("d_kind.json", r#"{"benchmark_type": "concurrent"}"#),
        ("e_text.json", r#"{"avg_ttft_ms": "fast"}"#),
        ("f_minus.json", r#"{"cost": -1}"#),
        ("g_huge.json", r#"{"total_requests": 1e300}"#),
        ("h_.json", "{}"),
        ("i_p%d.json", "{}"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let report = files::import(&database.pool, &[folder.path().to_owned()]).await.unwrap();
    assert_eq!(counts(&report, "files"), (1, 0, 0, 8));
    let told = reasons(&report, "files");
    for (place, part) in [
        "has to be a JSON object",
        "is no JSON",
        "benchmark_type is `concurrent`",
        "avg_ttft_ms",
        "cost",
        "total_requests",
        "<pod id>",
        "<pod id>",
    ]
    .iter()
    .enumerate()
    {
        assert!(told[place].1.contains(part), "{:?} doesn't say {part}", told[place]);
    }
    let nowhere = files::import(&database.pool, &[folder.path().join("nothing.json")]).await;
    assert!(matches!(nowhere, Err(Error::Path { .. })));
}

#[tokio::test]
async fn a_changed_file_replaces_what_it_said_before_and_nothing_that_comes_from_elsewhere() {
    let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("x_pod-1.json");
    fs::write(&path, r#"{"avg_throughput": 1, "total_requests": 7}"#).unwrap();
    files::import(&database.pool, std::slice::from_ref(&path)).await.unwrap();
    database.execute("update published_runs set upvotes = 3").await;
    fs::write(&path, r#"{"avg_throughput": 2}"#).unwrap();
    let report = files::import(&database.pool, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!(counts(&report, "files"), (1, 0, 0, 0));
    let answer = ask(&database, "/benchmark_results?pod_id=pod-1").await;
    assert_eq!(
        (&answer["avg_throughput"], &answer["total_requests"], &answer["likes"]),
        (&json!(2.0), &Value::Null, &json!(3))
    );
    database.execute("update published_runs set imported_from = 'mongodb:other'").await;
    let report = files::import(&database.pool, &[path]).await.unwrap();
    assert_eq!(counts(&report, "files"), (0, 0, 0, 1));
    assert!(reasons(&report, "files")[0].1.contains("doesn't come from a file"));
}

#[tokio::test]
async fn the_command_says_what_it_took_and_what_it_left_out() {
    let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
    fs::write(folder.path().join("x_.json"), "{}").unwrap();
    let import = |arguments: &[&str]| {
        let mut command = program();
        command
            .env("DATABASE_URL", &database.url)
            .env("HOME", folder.path())
            .args(["import", "files"])
            .args(arguments);
        end_of(command.arg(samples()).arg(folder.path()))
    };
    let ended = import(&["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!(report["parts"]["files"], json!({ "taken": 2, "unchanged": 0, "kept": 0, "skipped": 1 }));
    assert!(report["skipped"][0]["why"].as_str().unwrap().contains("<pod id>"));
    let ended = import(&[]);
    assert!(ended.stdout.contains("files"), "{ended:?}");
    assert!(ended.stderr.contains("skipped files") && ended.stderr.contains("nothing was new"), "{ended:?}");
    let nowhere =
        end_of(program().env("DATABASE_URL", &database.url).args(["import", "files", "/nowhere.json"]));
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}
