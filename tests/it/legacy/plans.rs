//! How the original reads go through 100,000 results: by indexes, whatever is asked for.

use crate::support::{database::TestDatabase, plans};

#[tokio::test]
async fn no_read_goes_through_a_whole_table() {
    let database = TestDatabase::new().await;
    database.execute(plans::RUNS).await;
    plans::tidy(&database, &["published_runs", "published_results", "imported_summaries"]).await;
    let paths = [
        "/benchmark_results?pod_id=pod-77",
        "/benchmark_results",
        "/benchmark_results?platform=vllm&gpu_type=GPU%203",
        "/multiple_benchmark_results?pod_ids=pod-1&pod_ids=pod-9999",
        "/get_all_benchmarks",
        "/get_all_benchmarks?page=200&per_page=50",
        "/get_benchmark_results_by_filters?model_name=Model-3",
        "/get_benchmark_results_by_filters?model_name=model-3",
        "/get_benchmark_results_by_filters?hardware=GPU%201&hardware=GPU%202&TPS_min=500",
        "/get_available_benchmark_options",
        "/get_gpu_prices_by_pod_id?pod_id=pod-5",
    ];
    let scans = plans::sequential_scans(&database, &paths).await;
    for table in ["published_runs", "published_results"] {
        assert_eq!(scans.get(table), None, "{table}: {scans:?}");
    }
}
