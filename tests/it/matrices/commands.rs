//! Matrices at the terminal: what is refused in a file and where, the plan, and one that is run to its end.

use super::{LOCAL, read, schedule};
use crate::support::{
    database::public_folder,
    program::{self, end_of, program},
};

#[test]
fn what_cannot_be_run_is_refused_where_it_stands_in_the_file() {
    let runpod = "provider = \"runpod\"\nmodels = [\"Qwen 3 8B\"]\nengines = [\"vllm\"]\ngpus = [\"H200\"]\n";
    let endpoint = "provider = \"endpoint\"\nmodels = [\"Qwen 3 8B\"]\n";
    assert_eq!(read(runpod).unwrap().gpus, ["NVIDIA H200"]);
    for (table, said) in [
        (runpod.replace("Qwen 3 8B", "Qwen 3 8"), "test.toml:11:11: unknown model `Qwen 3 8`: did you mean"),
        (runpod.replace("vllm", "vlm"), "test.toml:12:12: unknown engine `vlm`"),
        (runpod.replace("H200", "H201"), "test.toml:13:9: unknown gpu `H201`: did you mean"),
        (runpod.replace("H200", "cpu"), "test.toml:13:9: runpod rents GPUs"),
        (runpod.replace("vllm", "truth"), "test.toml:12:12: truth comes in no container"),
        (format!("{runpod}url = \"http://h\""), "test.toml:14:7: runpod starts engines itself"),
        (format!("{runpod}[[matrix.exclude]]\nengine = \"vllm\""), "the matrix has no cell"),
        (format!("{runpod}max_cells = 1001"), "test.toml:14:13: must be 1 to 1000"),
        (
            format!(
                "{runpod}max_cells = 1\ninclude = [{{ model = \"Qwen 3 4B\", engine = \"vllm\", gpu = \"H200\" }}]"
            ),
            "the matrix has 2 cells, more than max_cells = 1",
        ),
        (
            format!("{endpoint}engines = [\"vllm\"]\ngpus = [\"cpu\"]"),
            "test.toml:10:12: endpoint measures what already",
        ),
        (
            format!("{endpoint}engines = [\"vllm\"]\ngpus = [\"cpu\"]\nurl = \"http://u:p@h\""),
            "test.toml:14:7: url must not hold a password",
        ),
        (
            format!("{endpoint}engines = [\"vllm\", \"sglang\"]\ngpus = [\"cpu\"]\nurl = \"http://h\""),
            "http://h/ is one engine on one machine",
        ),
        (format!("{LOCAL}\nmax_parallel = 2"), "test.toml:14:16: local has one machine"),
    ] {
        let refused = read(&table).unwrap_err();
        assert!(refused.contains(said), "{refused}\n  instead of {said}");
    }
}

#[test]
fn a_plan_shows_the_cells_in_order_and_needs_no_database() {
    let folder = public_folder();
    let table = "provider = \"runpod\"\nmodels = [\"Qwen 3 8B\"]\nengines = [\"vllm\", \"ollama\"]\n\
                 gpus = [\"H200\", \"L40S\"]\npriorities = [{ gpu = \"L40S\", priority = 3 }]";
    let file = program::file(folder.path(), "test.toml", schedule(table).as_bytes());
    let run = |arguments: &[&str]| {
        let mut command = program();
        command.args(["matrices", "run"]).args(arguments);
        // A database that isn't there: nobody asks for it.
        command.env("DATABASE_URL", "postgres://127.0.0.1:1/none").env("DRIA_BENCH_DATA_DIR", folder.path());
        end_of(&mut command)
    };
    let path = file.to_str().unwrap();
    let plan = run(&[path, "--plan"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    let rows: Vec<_> = plan
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "0 Qwen 3 8B vllm NVIDIA L40S 1 3",
            "1 Qwen 3 8B ollama NVIDIA L40S 1 3",
            "2 Qwen 3 8B vllm NVIDIA H200 1 0",
            "3 Qwen 3 8B ollama NVIDIA H200 1 0"
        ]
    );
    let json = run(&[path, "--plan", "--json"]).json();
    assert_eq!((json["cells"].as_array().unwrap().len(), &json["cells"][0]["priority"]), (4, &3.into()));
    assert_eq!(run(&["nightly", "--plan"]).code, Some(0), "a schedule by its name");
    for (arguments, said) in [
        (&["nightl"][..], "unknown schedule `nightl`: did you mean nightly"),
        (&[path], "RUNPOD_API_KEY isn't set"),
        (&[path, "--plan", "--rates", "9-1"], "--rates"),
    ] {
        let refused = run(arguments);
        assert!(refused.stderr.contains(said) && matches!(refused.code, Some(2 | 3)), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matrix_of_this_machine_is_run_shown_and_not_resumed_by_commands() {
    let bench = program::Bench::new().await;
    let table = LOCAL.replace(", \"Qwen 3 4B\", \"Qwen 2 7B\", \"Falcon 3 1B\"", "");
    let file = program::file(bench.data_dir(), "test.toml", schedule(&table).as_bytes());
    let mut command = bench.command("--json matrices run --rates 1 --seconds 0.2");
    command.arg(file).env("DRIA_BENCH_LOAD_OUTPUT_TOKENS", "4").env("DRIA_BENCH_LOAD_MAX_IN_FLIGHT", "4");
    let ended = end_of(&mut command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!((&report["state"], &report["cells"]["done"]), (&"done".into(), &1.into()));
    assert!(ended.stderr.contains("done      Qwen 3 8B on truth on cpu"), "{ended:?}");
    let shown = bench.run("matrices show latest");
    assert!(shown.stdout.contains("1 cell: 1 done\n0 of 40.00 USD spent in 0:00:"), "{shown:?}");
    assert_eq!(bench.run("matrices list --json").json()[0]["cells"]["planned"], 1);
    for (arguments, said) in [
        ("matrices resume latest", "every cell of matrix"),
        ("matrices cancel latest", "there is nothing to cancel"),
        ("matrices show ffff", "there is no matrix ffff"),
        ("matrices resume latest --budget -3", "unexpected argument"),
    ] {
        let refused = bench.run(arguments);
        assert!(refused.stderr.contains(said) && matches!(refused.code, Some(1 | 2)), "{refused:?}");
    }
}
