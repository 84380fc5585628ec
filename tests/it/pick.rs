//! `run --gpu auto`, `run --plan` and `results --cost --everywhere`: what is picked, planned and re-priced by the prices
//! in the table.

use crate::support::{
    prices::{Said, say},
    program::{Bench, Ended, end_of},
    runpod::{FakeRunpod, KEY},
};
use serde_json::json;

const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";

const TODAY: [Said<'_>; 6] = [
    ("runpod", "NVIDIA L40S", 1, "0.20", "secure", 1, true),
    ("runpod", "NVIDIA H200", 1, "3.99", "secure", 3, true),
    ("runpod", "NVIDIA A40", 1, "9.90", "secure", 1, true),
    // Neither another cloud's, nor other people's machines, nor what was asked yesterday.
    ("vast.ai", "NVIDIA H100 80GB HBM3", 1, "0.01", "", 1, true),
    ("runpod", "NVIDIA A100-SXM4-80GB", 1, "0.01", "community", 1, true),
    ("runpod", "NVIDIA B200", 1, "0.01", "secure", 20, true),
];

async fn bench_with_prices() -> Bench {
    let bench = Bench::new().await;
    say(&bench.database, &TODAY).await;
    bench
}

fn run(bench: &Bench, arguments: &[&str]) -> Ended {
    end_of(bench.command("run --engine vllm --model").arg(MODEL).args(arguments))
}

/// The GPUs of a plan, in order.
fn gpus(plan: &serde_json::Value) -> Vec<&str> {
    plan["gpus"].as_array().unwrap().iter().map(|gpu| gpu["gpu"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_would_be_rented_and_starts_nothing_and_needs_no_key() {
    let bench = bench_with_prices().await;
    let planned = run(&bench, &["--gpu", "auto", "--rates", "1,2", "--seconds", "36", "--plan", "--json"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let plan = planned.json();
    assert_eq!(gpus(&plan), ["NVIDIA L40S", "NVIDIA H200", "NVIDIA A40"], "{plan}");
    assert_eq!((&plan["gpu_count"], &plan["gpus"][0]["usd_per_hour"]), (&json!(1), &json!("0.2")));
    let age = plan["gpus"][1]["price_age_s"].as_f64().unwrap();
    assert!((10_800.0..11_800.0).contains(&age), "{plan}");
    assert!(plan["gpus"][0]["reason"].as_str().unwrap().contains("0.2 $ a GPU-hour at runpod secure"));
    let (needed, available) = (&plan["memory"]["needed_gib"], &plan["memory"]["available_gib"]);
    assert!(needed.as_f64().unwrap() > 15.0 && needed.as_f64() < available.as_f64(), "{plan}");
    assert_eq!(plan["disk"]["container_gb"], plan["disk"]["needed_gb"], "{plan}");
    let step = |name: &str| {
        plan["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).unwrap().clone()
    };
    assert_eq!(
        (&step("provision")["basis"], &step("provision")["least_s"]),
        (&json!("unknown"), &json!(0.0))
    );
    let level = step("concurrency:2");
    assert_eq!(
        (&level["basis"], &level["least_s"], &level["most_s"]),
        (&json!("lower_bound"), &json!(36.0), &json!(null))
    );
    // 36 s at 0.20 $ an hour, three times.
    assert_eq!(
        (&level["least_usd"], &plan["total"]["least_usd"]),
        (&json!("0.002"), &json!("0.006")),
        "{plan}"
    );
    assert_eq!(plan["total"]["most_usd"], json!(null));

    let table = run(&bench, &["--gpu", "NVIDIA H200", "--plan"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.stdout.contains("1 × NVIDIA H200  3.99  last seen 3 h ago, more than 2 h"), "{table:?}");
    assert!(table.stderr.contains("of 126.4 GiB available") && table.stderr.contains("set-up"), "{table:?}");
    let local = end_of(&mut bench.command("run --plan"));
    assert_eq!(local.code, Some(0), "{local:?}");
    assert!(local.stderr.contains("nothing is rented"), "{local:?}");
    assert_eq!(bench.database.count("select count(*) from workflow_runs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_expects_what_earlier_runs_of_the_same_took() {
    let bench = bench_with_prices().await;
    for (gpu, seconds, level_s, provision) in [
        ("NVIDIA L40S", 40, 30, 100),
        ("NVIDIA L40S", 50, 30, 300),
        ("NVIDIA L40S", 90, 60, 200),
        ("NVIDIA H200", 7, 30, 7),
    ] {
        let spec = json!({
            "engine": { "kind": "vllm" }, "model": { "id": MODEL }, "load": { "seconds": level_s },
            "machine": { "provider": "runpod", "gpu_id": "NVIDIA A40", "gpu_count": 1 },
        });
        let output = json!({ "host": { "gpus": [{ "name": gpu }] } });
        bench
            .database
            .execute(format!(
                "with run as (insert into workflow_runs (id, kind, spec, definition, queue, status, finished_at)
                   values (gen_random_uuid(), 'benchmark', '{spec}', '{{}}', 'steps', 'succeeded', now()) returning id)
                 insert into step_runs (run_id, step, name, status, job_key, started_at, finished_at, output)
                 select id, step, name, 'done', id::text || step, now() - seconds * interval '1 s', now(), output::jsonb
                 from run, (values (0, 'provision', {provision}, '{output}'), (4, 'concurrency:1', {seconds}, null))
                   step (step, name, seconds, output)"
            ))
            .await;
    }
    let plan = run(&bench, &["--gpu", "L40S", "--rates", "1", "--plan", "--json"]).json();
    let step = |name: &str| {
        plan["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).unwrap().clone()
    };
    let provision = step("provision");
    assert_eq!((&provision["basis"], &provision["runs"]), (&json!("history"), &json!(3)), "{plan}");
    assert_eq!(
        (&provision["least_s"], &provision["median_s"], &provision["most_s"]),
        (&json!(100.0), &json!(200.0), &json!(300.0))
    );
    let level = step("concurrency:1");
    assert_eq!(
        (&level["runs"], &level["median_s"]),
        (&json!(2), &json!(45.0)),
        "levels of a minute are another thing: {plan}"
    );
    assert_eq!(step("throughput")["basis"], "lower_bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_keeps_its_candidates_and_its_reasons_with_the_run() {
    let bench = bench_with_prices().await;
    let cloud = FakeRunpod::start().await;
    cloud.fault(|faults| (faults.price, faults.at_once) = (json!(100), true));
    let mut command =
        bench.command("run --engine vllm --gpu auto --max-usd-per-hour 5 --max-usd 0.001 --json --model");
    command
        .arg(MODEL)
        .env("RUNPOD_API_KEY", KEY)
        .env("RUNPOD_API_URL", cloud.url())
        .env("RUNPOD_GRAPHQL_URL", cloud.graphql_url());
    let ended = tokio::task::block_in_place(|| end_of(&mut command));
    assert_eq!((ended.code, cloud.counts()), (Some(5), (0, 0)), "{ended:?}");
    assert!(
        ended.stderr.contains("rents 1 × NVIDIA L40S: ") && ended.stderr.contains("else  1 × NVIDIA H200")
    );
    let machine = &ended.json()["spec"]["machine"];
    assert_eq!(
        (&machine["gpu_id"], &machine["gpu_candidates"]),
        (&json!("NVIDIA L40S"), &json!(["NVIDIA H200"]))
    );
    assert!(machine["container_disk_in_gb"].as_u64().unwrap() > 40, "{machine}");
    let told = "select count(*) from run_events where kind = 'gpu_picked' and data #>> '{choices,1,gpu}' = 'NVIDIA H200'
                and data #>> '{choices,0,reason}' like '%0.2 $ a GPU-hour%'";
    assert_eq!(bench.database.count(told).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_picked_is_refused_with_the_reasons() {
    let bench = Bench::new().await;
    let unpriced = run(&bench, &["--gpu", "auto", "--plan"]);
    assert_eq!(unpriced.code, Some(1), "{unpriced:?}");
    assert!(unpriced.stderr.contains("prices scrape --source runpod"), "{unpriced:?}");
    say(&bench.database, &TODAY).await;
    let dear = run(&bench, &["--gpu", "auto", "--max-usd-per-hour", "0.1", "--plan"]);
    assert_eq!(dear.code, Some(1), "{dear:?}");
    assert!(dear.stderr.contains("0.2 $ an hour are more than 0.1"), "{dear:?}");
    assert!(dear.stderr.contains("RunPod names no price today"), "{dear:?}");
    // By its old name it is of one GPU, and so of a machine of one.
    let one = run(&bench, &["--gpu", "auto", "--gpu_count", "1", "--max-price", "0.1", "--plan"]);
    assert!(one.stderr.contains("0.2 $ an hour are more than 0.1"), "{one:?}");
    for (arguments, said) in [
        (&["--gpu", "auto", "--provider", "local"][..], "--provider local rents nothing"),
        (&["--gpu", "auto", "--url", "http://127.0.0.1:1"], "--provider endpoint rents nothing"),
        (&["--gpu", "auto", "--gpu-candidates", "L40S"], "finds its own candidates"),
        (&["--gpu", "auto", "--gpu_count", "0"], "no GPU is to be picked"),
        (&["--gpu", "L40S", "--max-price", "1"], "--gpu names one"),
        (&["--gpu", "auto", "--max-usd-per-hour", "0", "--plan"], "more than 0 USD"),
        (
            &["--gpu", "auto", "--max-price", "1", "--plan"],
            "what the whole machine may cost: --max-usd-per-hour",
        ),
        (&["--gpu", "auto", "--precision", "fp7", "--plan"], "isn't one of"),
        (&["--plan", "--detach", "--gpu", "auto"], "cannot be used with"),
    ] {
        let refused = run(&bench, arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(said), "{arguments:?}: {refused:?}");
    }
    let keyless = run(&bench, &["--gpu", "auto"]);
    assert_eq!(keyless.code, Some(3), "{keyless:?}");
    assert_eq!(bench.database.count("select count(*) from workflow_runs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_priced_again_at_what_every_platform_asks_today() {
    let bench = bench_with_prices().await;
    say(&bench.database, &[("lium", "NVIDIA L40S", 0, "0.10", "secure", 1, true)]).await;
    say(&bench.database, &[("runpod", "NVIDIA L40S", 2, "0.20", "secure", 1, true)]).await;
    let ended = bench.run(
        "run --engine truth --prompt-tokens 4 --output-tokens 16 --engine-arg=--ttft-ms=10 --engine-arg=--itl-ms=5 \
         --rates 1 --seconds 1 --json --quiet",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let none = bench.run("results latest --cost --everywhere");
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "a CPU has no price: {none:?}");
    bench
        .database
        .execute(
            "update benchmark_results set comparability = comparability || '{\"gpu_id\": \"NVIDIA L40S\", \"gpu_count\": 2}'",
        )
        .await;
    let json = bench.run("results latest --cost --everywhere --json").json();
    assert_eq!((&json["gpu_id"], &json["gpu_count"]), (&json!("NVIDIA L40S"), &json!(2)), "{json}");
    let offers = json["offers"].as_array().unwrap();
    let seen: Vec<_> = offers.iter().map(|offer| (&offer["platform"], &offer["usd_per_hour"])).collect();
    assert_eq!(seen, [(&json!("lium"), &json!("0.2")), (&json!("runpod"), &json!("0.4"))], "{json}");
    let usd = |offer: &serde_json::Value| -> f64 {
        offer["usd_per_million_output_tokens"].as_str().unwrap().parse().unwrap()
    };
    assert!((usd(&offers[1]) / usd(&offers[0]) - 2.0).abs() < 1e-3, "{json}");
    assert!(offers[0]["age_s"].as_f64().unwrap() >= 3600.0 && offers[0]["freshness"] == "fresh", "{json}");
    assert_eq!(offers[0]["levels"].as_array().unwrap().len(), 2);
    let table = bench.run("results latest --cost --everywhere");
    assert!(table.stdout.contains("lium") && table.stdout.contains("last seen "), "{table:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_show_what_share_of_the_gpus_was_used_or_why_that_is_not_known() {
    let bench = Bench::new().await;
    let ended = bench.run(
        "run --engine truth --prompt-tokens 4 --output-tokens 16 --engine-arg=--ttft-ms=10 --engine-arg=--itl-ms=5 \
         --rates 1 --seconds 1 --json --quiet",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cpu = bench.run("results latest");
    assert_eq!(
        (cpu.stderr.as_str(), cpu.stdout.contains("used %")),
        ("", false),
        "there is no GPU to speak of"
    );
    bench
        .database
        .execute(
            "update benchmark_results set comparability = comparability ||
               '{\"gpu_id\": \"NVIDIA L40S\", \"gpu_count\": 1, \"model\": \"Llama 3.1 8B\", \"precision\": \"bf16\"}'",
        )
        .await;
    for command in ["results latest", "results latest --format wide", "runs show latest"] {
        let shown = bench.run(command).stdout;
        let table = shown.split("used %").last().unwrap_or_default();
        assert!(table.contains("throughput") && table.contains("not available"), "no power: {shown}");
        let level = table.lines().find(|line| line.contains("throughput")).unwrap();
        assert!(level.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }
}
