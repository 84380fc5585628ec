//! `/get_benchmark_results_by_filters` and `/get_available_benchmark_options`.

use dria_bench::store::publications::PublishedCost;
use serde_json::json;

use super::{App, pods, refused};
use crate::support::published::{concurrent, run, throughput};

/// Four runs that differ in everything: `d` is the newest, and of it neither price nor concurrent benchmarks are known.
async fn app() -> App {
    let app = App::new().await;
    let rows = [
        ("a", "Llama2-7B", "7b", "VLLM", "NVIDIA H200", Some("3.99"), 100.0, 1000.0),
        ("b", "Llama2-13B", "13b", "Ollama", "NVIDIA L40S", Some("0.86"), 200.0, 500.0),
        ("c", "Qwen3-8B_x", "8b", "SGLang", "NVIDIA L40S", Some("1.72"), 300.0, 250.0),
        ("d", "Llama2-7B", "7b", "VLLM", "NVIDIA A40", None, 400.0, 125.0),
    ];
    for (minute, (pod_id, model, size, engine, gpu, usd, ttft, tps)) in (0..).zip(rows) {
        let mut run = run(pod_id, minute);
        model.clone_into(&mut run.llm_common_name);
        size.clone_into(&mut run.llm_parameter_size);
        engine.clone_into(&mut run.inference_name);
        gpu.clone_into(&mut run.gpu_id);
        run.cost = usd.map(|usd| PublishedCost { usd_per_hour: usd.parse().unwrap(), uptime_s: 60 });
        let mut total = throughput();
        (total.time_to_first_token_ms, total.output_tokens_per_second) = (ttft, tps);
        let mut results = vec![total];
        if pod_id != "d" {
            results.push(concurrent(1));
        }
        app.publish(&run, &results).await;
    }
    app
}

#[tokio::test]
async fn every_filter_holds_and_together_they_all_hold() {
    let app = app().await;
    for (query, found) in [
        ("", "dcba"),
        ("model_name=Llama2-7B", "da"),
        ("inference_engine=VLLM", "da"),
        ("inference_engine=vllm", ""),
        ("parameter_size=13b", "b"),
        ("parameter_size=13B", ""),
        ("hardware=NVIDIA%20L40S", "cb"),
        ("hardware=NVIDIA%20L40S&hardware=NVIDIA%20H200", "cba"),
        ("hardware=nvidia%20l40s", ""),
        ("hardware=", "dcba"),
        ("hardware=&hardware=NVIDIA%20H200", "a"),
        ("hardware=NVIDIA%20L40S,NVIDIA%20H200", ""),
        ("benchmark_type=throughput", "dcba"),
        ("benchmark_type=concurrent", "cba"),
        ("benchmark_type=Concurrent", ""),
        // Texts that are empty are as if absent; what isn't listed is ignored.
        ("model_name=&inference_engine=&parameter_size=&benchmark_type=", "dcba"),
        ("llm_id=Llama2-7B&server_type=nowhere&since=junk", "dcba"),
        // Prices: exact, or within bounds, which are inclusive; 0 is none; a run without one fails.
        ("hardware_price=0.86", "b"),
        ("hardware_price=0.8600001", ""),
        ("hardware_price=0", "dcba"),
        ("hourly_cost_min=0.86", "cba"),
        ("hourly_cost_min=0.87", "ca"),
        ("hourly_cost_max=0.86", "b"),
        ("hourly_cost_max=0", "dcba"),
        ("hourly_cost_min=1&hourly_cost_max=2", "c"),
        ("hourly_cost_min=2&hourly_cost_max=1", ""),
        ("hardware_price=0.86&hourly_cost_min=1", "ca"),
        ("hardware_price=0.86&hourly_cost_min=0", "b"),
        ("TTFT_min=200", "dcb"),
        ("TTFT_max=200", "ba"),
        ("TTFT_min=200.5&TTFT_max=300", "c"),
        ("TTFT_min=-5", "dcba"),
        ("TPS_min=250&TPS_max=500", "cb"),
        ("TPS_max=0", "dcba"),
        ("TPS_min=0&TTFT_max=0.0", "dcba"),
        ("model_name=Llama2-7B&hardware=NVIDIA%20H200&TPS_min=1000&hourly_cost_max=3.99", "a"),
        ("model_name=Llama2-7B&inference_engine=Ollama", ""),
    ] {
        let answer = app.json(&format!("/get_benchmark_results_by_filters?{query}")).await;
        assert_eq!(pods(&answer).concat(), found, "{query}");
        assert_eq!(answer["pagination"]["total_items"], found.len(), "{query}");
    }
}

#[tokio::test]
async fn a_model_that_no_run_is_called_by_exactly_is_tried_as_a_part_in_any_case() {
    let app = app().await;
    for (text, found) in [
        ("llama2", "dba"),
        ("LLAMA2-13", "b"),
        // Spelled exactly: no other.
        ("Llama2-7B", "da"),
        ("llama2-7b", "da"),
        // What means something to a pattern means itself here.
        ("%25", ""),
        ("8B_", "c"),
        ("7B_", ""),
        ("nobody", ""),
    ] {
        let answer = app.json(&format!("/get_benchmark_results_by_filters?model_name={text}")).await;
        assert_eq!(pods(&answer).concat(), found, "{text}");
    }
}

#[tokio::test]
async fn what_is_found_is_told_without_numbers_in_pages() {
    let app = app().await;
    let answer = app.json("/get_benchmark_results_by_filters?TTFT_max=350&per_page=2&page=2").await;
    insta::assert_json_snapshot!("found", answer);
    let past = app.json("/get_benchmark_results_by_filters?model_name=Llama2-7B&page=3").await;
    assert_eq!((pods(&past), &past["pagination"]["total_items"]), (vec![], &json!(2)));
}

#[tokio::test]
async fn every_number_that_can_not_be_used_is_told_at_once() {
    let app = app().await;
    let path =
        "/get_benchmark_results_by_filters?TTFT_min=fast&TPS_max=&hourly_cost_min=inf&page=0&per_page=51";
    let fault = |name: &str, kind: &str| (json!(["query", name]), kind.to_owned());
    assert_eq!(
        refused(app.get(path).await).await,
        (
            422,
            vec![
                fault("hourly_cost_min", "finite_number"),
                fault("TTFT_min", "float_parsing"),
                fault("TPS_max", "float_parsing"),
                fault("page", "greater_than_equal"),
                fault("per_page", "less_than_equal"),
            ]
        )
    );
    for (page, kind) in [
        ("x", "int_parsing"),
        ("1.5", "int_parsing"),
        ("", "int_parsing"),
        ("-1", "greater_than_equal"),
        ("99999999999999999999", "int_parsing_size"),
    ] {
        let answer = refused(app.get(&format!("/get_all_benchmarks?page={page}")).await).await;
        assert_eq!(answer, (422, vec![fault("page", kind)]), "{page}");
    }
}

#[tokio::test]
async fn what_there_is_to_choose_from_is_sorted_and_said_once() {
    let app = app().await;
    let mut half = run("half", 9);
    half.llm_common_name = "Unlisted".to_owned();
    app.publish(&half, &[concurrent(1)]).await;
    let mut unknown = run("unknown", 10);
    unknown.llm_parameter_size = String::new();
    app.publish(&unknown, &[throughput()]).await;
    assert_eq!(
        app.json("/get_available_benchmark_options").await,
        json!({
            "model_names": ["Llama2-13B", "Llama2-7B", "Qwen3-8B_x"],
            "inference_engines": ["Ollama", "SGLang", "VLLM"],
            "parameter_sizes": ["13b", "7b", "8b"],
            "hardwares": ["NVIDIA A40", "NVIDIA H200", "NVIDIA L40S"],
            "server_types": ["Runpod"],
        })
    );
}
