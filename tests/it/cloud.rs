//! The three commands of the original README, by the real program against a RunPod of the tests' own: the flags as they
//! are written there, ten results each, the pods they ask for, no pod left, and no secret anywhere.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    program::{Bench, Ended, end_of},
    runpod::{FakeRunpod, HF_TOKEN, KEY},
    runs,
};

/// The machine of all three, as it is written there.
const MACHINE: [&str; 6] =
    ["--gpu_id", "NVIDIA H200", "--volume_in_gb", "100", "--container_disk_in_gb", "50"];
/// Levels that don't keep a test waiting; the rates are the shipped nine.
const SHORT: &str = "--seconds 0.3 --prompt-tokens 4 --output-tokens 4 --max-in-flight 4";

/// `run` of this engine with the flags of the README.
fn command(bench: &Bench, fake: &FakeRunpod, engine: &str) -> Command {
    let model = if engine == "ollama" { "llama2:7b" } else { "meta-llama/Llama-2-7b-chat-hf" };
    let mut command = bench.command(&format!("run --engine {engine}"));
    command
        .args(MACHINE)
        .args(["--llm_id", model, "--llm_parameter_size", "7b", "--llm_common_name", "Llama2-7B"])
        .args(SHORT.split(' '))
        .args(["--json"])
        .envs(fake.environment());
    command
}

/// A body of a create without what differs from run to run.
fn without_names(mut body: Value, fake: &FakeRunpod) -> Value {
    let name = body["name"].as_str().unwrap().to_owned();
    let key = fake.engine_key(&name);
    body["args"] = json!(body["args"].as_str().unwrap().replace(&key, "[engine key]"));
    body["name"] = json!("[name]");
    if let Some(token) = body["env"].get_mut("HF_TOKEN") {
        assert_eq!(token, HF_TOKEN, "the pod gets the user's token");
        *token = json!("[token]");
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_commands_of_the_original_give_ten_results_each_and_leave_no_pod_and_no_secret() {
    let (bench, fake) = (Bench::new().await, FakeRunpod::start().await);
    for engine in ["ollama", "vllm", "sglang"] {
        let ended = to_its_end(command(&bench, &fake, engine)).await;
        assert_eq!(ended.code, Some(0), "{engine}: {}", ended.stderr);
        let report = ended.json();
        assert_eq!(report["results"].as_array().unwrap().len(), 10, "{engine}");
        assert_eq!(report["spec"]["machine"]["gpu_id"], "NVIDIA H200");
        let body = without_names(fake.bodies().pop().unwrap(), &fake);
        let image: Option<String> =
            sqlx::query_scalar("select image from published_runs order by created_at desc limit 1")
                .fetch_one(&bench.database.pool)
                .await
                .unwrap();
        assert_eq!(image.as_deref(), body["image"].as_str(), "readers see which image ran");
        insta::assert_json_snapshot!(format!("pod_{engine}"), body);
        for secret in [KEY, HF_TOKEN] {
            assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(secret), "{engine} tells a secret");
        }
    }
    assert_eq!(fake.counts(), (0, 3), "one pod a command, and none of them left");
    let broken = runs::broken_invariants(&bench.database, bench.data_dir()).await;
    assert_eq!(broken, Vec::<String>::new());
    let everything = bench.database.everything().await;
    for body in fake.bodies() {
        let name = body["name"].as_str().unwrap();
        assert!(everything.contains(name), "the search looks at the rows");
        assert!(!everything.contains(&fake.engine_key(name)), "a pod's engine key is in the database");
    }
    for secret in [KEY, HF_TOKEN] {
        assert!(!everything.contains(secret), "a secret is in the database");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_a_gated_model_rents_nothing() {
    let (bench, fake) = (Bench::new().await, FakeRunpod::start().await);
    let mut command = command(&bench, &fake, "vllm");
    command.env_remove("HF_TOKEN");
    let ended = to_its_end(command).await;
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("HF_TOKEN"), "{}", ended.stderr);
    assert_eq!((fake.requests("POST"), fake.counts()), (0, (0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mi300x_is_rented_with_the_rocm_image_once_there_is_one() {
    const MI300X: &str = "AMD Instinct MI300X OAM";
    let (bench, fake) = (Bench::new().await, FakeRunpod::start().await);
    fake.fault(|faults| faults.no_capacity = vec![MI300X.to_owned()]);
    let mut command = bench.command(&format!("run --engine vllm --rates 1 {SHORT} --json"));
    command
        .args(["--gpu_id", MI300X, "--llm_id", "meta-llama/Llama-2-7b-chat-hf"])
        .args(["--volume_in_gb", "100", "--container_disk_in_gb", "50"])
        .envs(fake.environment());
    let run = tokio::spawn(to_its_end(command));
    while fake.bodies().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Sold out at the first try; the step's own policy asks again.
    fake.fault(|faults| faults.no_capacity.clear());
    let ended = run.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(fake.bodies().len() > 1 && fake.counts() == (0, 1));
    let image = fake.bodies().pop().unwrap()["image"].as_str().unwrap().to_owned();
    assert!(image.contains("rocm"), "{image}");
}

/// Runs it to its end on a thread of its own: the fake answers meanwhile.
async fn to_its_end(mut command: Command) -> Ended {
    tokio::task::spawn_blocking(move || end_of(&mut command)).await.unwrap()
}
