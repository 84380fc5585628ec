//! Matrices whose GPU is left open: picked once for the engines of a model, kept to where the first was placed.

use serde_json::{Value, json};

use super::*;
use crate::support::prices::{Said, say};

const TODAY: [Said<'_>; 4] = [
    ("runpod", "NVIDIA L40S", 0, "0.50", "secure", 1, true),
    ("runpod", "NVIDIA H200", 0, "3.99", "secure", 1, true),
    // Enough for four-bit files, and not for 16 bits.
    ("runpod", "NVIDIA GeForce RTX 3070", 1, "0.01", "secure", 1, true),
    ("runpod", "NVIDIA A40", 1, "0.02", "secure", 1, false),
];

async fn picked(night: &Night) -> Vec<Value> {
    sqlx::query_scalar("select data from run_events where kind = 'gpu_picked' order by id")
        .fetch_all(&night.database.pool)
        .await
        .unwrap()
}

#[test]
fn auto_is_for_what_is_rented_and_takes_as_many_gpus_as_it_needs() {
    let table = |provider: &str, more: &str| {
        format!(
            "provider = \"{provider}\"\nmodels = [\"Qwen 3 8B\"]\nengines = [\"vllm\"]\ngpus = [\"Auto\", \"H200\"]\n{more}"
        )
    };
    let cells = read(&table(
        "runpod",
        "gpu_count = 2\ninclude = [{ model = \"Qwen 3 8B\", engine = \"sglang\", gpu = \"auto\", gpu_count = 4 }]",
    ));
    let cells = cells.unwrap().expand().unwrap();
    let counts: Vec<_> = cells.iter().map(|cell| (cell.gpu.as_str(), cell.gpu_count)).collect();
    assert_eq!(counts, [("auto", 0), ("NVIDIA H200", 2), ("auto", 4)]);
    let refused = read(&table("local", "")).unwrap_err();
    assert!(refused.contains("`auto` picks what is rented, and local rents nothing"), "{refused}");
}

#[tokio::test]
async fn the_engines_of_a_model_get_the_gpu_that_was_picked_for_the_largest_of_them() {
    let night = Night::new().await;
    say(&night.database, &TODAY).await;
    let definition = rented(&["Qwen 3 8B"], &["ollama", "vllm"], &["auto"], "max_parallel = 2");
    let id = night.create(&definition).await;
    assert_eq!(night.report(id).await.list[0].gpu, "auto");
    // There is none of the first, so that the second is got.
    night.fake.fault(|faults| faults.no_capacity = vec!["NVIDIA L40S".to_owned()]);
    assert_eq!(night.dispatch().await, 1);
    let told = picked(&night).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["choices"][0]["gpu"], &told[0]["choices"][1]["gpu"]),
        (&json!("NVIDIA L40S"), &json!("NVIDIA H200"))
    );
    let machine = night.run_of(id, 0).await.spec.machine;
    assert_eq!((machine.gpu_id.as_str(), machine.gpu_count), ("NVIDIA L40S", 1));
    assert!(machine.container_disk_in_gb > 30, "{machine:?}");
    let cells = night.report(id).await.list;
    assert!(cells.iter().all(|cell| (cell.gpu.as_str(), cell.gpu_count) == ("NVIDIA L40S", 1)));

    assert!(night.work().await, "provision");
    assert_eq!(night.dispatch().await, 1);
    for cell in 0..2 {
        let machine = night.run_of(id, cell).await.spec.machine;
        assert_eq!((machine.gpu_id.as_str(), machine.gpu_candidates.len()), ("NVIDIA H200", 0), "{cell}");
        assert_eq!(night.report(id).await.list[cell].gpu, "NVIDIA H200");
    }
    night.drain().await;
    night.dispatch().await;
    assert_eq!(night.report(id).await.summary.cells, Counts { planned: 2, done: 2, ..Counts::default() });
    assert_eq!(runs::broken_invariants(&night.database, night.folder.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_comes_to_a_gpu_that_is_listed_too_is_measured_once() {
    let night = Night::new().await;
    say(&night.database, &TODAY).await;
    let definition = rented(&["Qwen 3 8B"], &["vllm"], &["auto", "L40S", "H200"], "max_parallel = 3");
    let id = night.create(&definition).await;
    assert_eq!(night.dispatch().await, 2);
    let list = night.report(id).await.list;
    let (gpus, states): (Vec<_>, Vec<_>) = list.iter().map(|cell| (cell.gpu.as_str(), cell.state)).unzip();
    assert_eq!(gpus, ["NVIDIA L40S", "NVIDIA L40S", "NVIDIA H200"]);
    assert_eq!(states, [CellState::Running, CellState::Skipped, CellState::Running]);
    assert_eq!(list[1].reason.as_deref(), Some("1 × NVIDIA L40S is what cell 0 stands for"));
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    night.drain().await;
}

#[tokio::test]
async fn a_cell_for_which_nothing_can_be_picked_fails_with_the_reason_and_the_others_go_on() {
    let night = Night::new().await;
    let definition = rented(&["Qwen 3 8B"], &["vllm"], &["auto", "H200"], "max_parallel = 3");
    let id = night.create(&definition).await;
    assert_eq!(night.dispatch().await, 1);
    let report = night.report(id).await;
    assert_eq!((report.list[0].state, report.list[1].state), (CellState::Failed, CellState::Running));
    assert!(
        report.list[0].reason.as_deref().unwrap().contains("no price of RunPod's is known"),
        "{report:?}"
    );
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    night.drain().await;
    night.dispatch().await;
    // Once a price is known, it is picked with a resume.
    say(&night.database, &TODAY).await;
    assert_eq!(resume(&night.database, id, None).await.unwrap(), 2);
    night.dispatch().await;
    assert_eq!(night.run_of(id, 0).await.spec.machine.gpu_id, "NVIDIA L40S");
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    night.drain().await;
}
