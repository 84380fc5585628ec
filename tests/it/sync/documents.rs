//! Runs as other readers find them: names, types, nulls and order, as the contract has them.

use dria_bench::{
    domain::measure::summary::BenchmarkType,
    store::publications::{FailureKind, Published, PublishedFailure},
};
use mongodb::bson::{Bson, Document, doc, spec::ElementType};

use super::{Pair, ours, pods};
use crate::support::published::{concurrent, ten, throughput};

/// What a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    TextOrNull,
    Int,
    IntOrNull,
    Double,
    Date,
    List,
    Object,
    ObjectOrNull,
    Bool,
    Id,
}

use Kind::{Bool, Date, Double, Id, Int, IntOrNull, List, Object, ObjectOrNull, Text, TextOrNull};

/// Fields of collections: all of them, and of what kind.
pub(super) type Shape = &'static [(&'static str, Kind)];

const POD: Shape = &[
    ("pod_id", Text),
    ("pod_url", Text),
    ("time_taken_to_start_server", Int),
    ("time_taken_to_start_ollama_server", Int),
    ("time_taken_to_upload_llm", Int),
    ("llm_id", Text),
    ("llm_common_name", Text),
    ("llm_parameter_size", Text),
    ("gpu_id", Text),
    ("gpu_count", Int),
    ("volume_in_gb", Int),
    ("container_disk_in_gb", Int),
    ("port", Int),
    ("inference_name", Text),
    ("server_type", Text),
    ("benchmark_type", List),
    ("created_at", Date),
    ("benchmark_duration", Double),
    ("likes", Int),
    ("user_likes", List),
    ("icon_url", TextOrNull),
];
const COST: Shape =
    &[("pod_id", Text), ("uptime_seconds", Int), ("cost_per_hr", Double), ("used_balance", Double)];
const RESULT: Shape = &[
    ("pod_id", Text),
    ("benchmark_type", Text),
    ("rate", IntOrNull),
    ("max_number", IntOrNull),
    ("warmup_number", IntOrNull),
    ("benchmark_duration", Double),
    ("total_requests", Int),
    ("successful_requests", Int),
    ("requests_per_second", Double),
    ("request_concurrency", Double),
    ("request_latency", Double),
    ("prompt_token_count", Double),
    ("output_token_count", Double),
    ("time_to_first_token_ms", Double),
    ("time_per_output_token_ms", Double),
    ("inter_token_latency_ms", Double),
    ("output_tokens_per_second", Double),
    ("tokens_per_second", Double),
    ("timestamp", Double),
];
const SUITE: Shape =
    &[("pod_id", Text), ("framework", Text), ("timestamp", Double), ("suite_results", Object)];
const SUITE_RESULTS: Shape = &[
    ("pod_id", Text),
    ("start_time", Double),
    ("end_time", Double),
    ("total_duration", Double),
    ("concurrent_results", List),
    ("throughput_result", ObjectOrNull),
    ("failures", List),
    ("total_tests", Int),
    ("successful_tests", Int),
    ("success_rate", Double),
    ("error_summary", Object),
];
const ERRORS: Shape =
    &[("timeout", Int), ("connection", Int), ("server_error", Int), ("memory_error", Int), ("unknown", Int)];
pub(super) const USER: Shape = &[
    ("github_id", Int),
    ("username", Text),
    ("email", Text),
    ("avatar_url", TextOrNull),
    ("created_at", Date),
    ("last_login", Date),
];
pub(super) const COMMENT: Shape = &[
    ("_id", Id),
    ("pod_id", Text),
    ("comment", Text),
    ("likes", Int),
    ("user_likes", List),
    ("created_at", Date),
    ("user_id", Int),
    ("username", Text),
    ("user_email", Text),
    ("user_avatar", TextOrNull),
    ("parent_id", TextOrNull),
    ("depth", Int),
    ("reply_count", Int),
    ("ranking_score", Double),
];
pub(super) const CHAT: Shape = &[
    ("_id", Id),
    ("user_message", Text),
    ("ai_response", Text),
    ("timestamp", Date),
    ("pod_id", Text),
    ("is_authenticated", Bool),
    ("user_id", Int),
    ("username", Text),
    ("user_email", Text),
    ("user_avatar", TextOrNull),
];
pub(super) const PRICE: Shape = &[
    ("gpu_id", Text),
    ("original_name", Text),
    ("name", Text),
    ("normalized_name", Text),
    ("platform", Text),
    ("price", Double),
    ("url", Text),
    ("source_url", Text),
    ("scraped_at", Date),
    ("processed_at", Date),
    ("updated_at", Date),
    ("raw_data", Object),
];
pub(super) const HOUR: Shape = &[
    ("timestamp", Date),
    ("total_unique_gpus", Int),
    ("platforms", List),
    ("price_range", Object),
    ("gpu_count_by_platform", Object),
];

/// Checks that a document has each of these fields, of the kind it must be.
pub(super) fn check(document: &Document, shape: Shape) {
    for (field, kind) in shape {
        let value = document.get(field).unwrap_or_else(|| panic!("no `{field}`: {document}"));
        let is = value.element_type();
        let fits = match kind {
            Text => is == ElementType::String,
            TextOrNull => matches!(is, ElementType::String | ElementType::Null),
            Int => matches!(is, ElementType::Int32 | ElementType::Int64),
            IntOrNull => matches!(is, ElementType::Int32 | ElementType::Int64 | ElementType::Null),
            Double => value.as_f64().is_some_and(f64::is_finite),
            Date => is == ElementType::DateTime,
            List => is == ElementType::Array,
            Object => is == ElementType::EmbeddedDocument,
            ObjectOrNull => matches!(is, ElementType::EmbeddedDocument | ElementType::Null),
            Bool => is == ElementType::Boolean,
            Id => is == ElementType::ObjectId,
        };
        assert!(fits, "`{field}` is {value:?}");
    }
}

/// The fields of ours that the contract doesn't name: more may be added, and only the version is.
fn more(document: &Document, shape: Shape) -> Vec<String> {
    let known = |field: &str| field == "_id" || shape.iter().any(|(name, _)| *name == field);
    document.keys().filter(|field| !known(field)).cloned().collect()
}

#[tokio::test]
async fn a_run_is_ten_results_a_suite_and_itself_field_by_field() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    assert_eq!(pair.send_all().await, 1);
    let pod = pair.one("pod_benchmarks", doc! {}).await;
    check(&pod, POD);
    assert_eq!(more(&pod, POD), ["pod_cost", "sync_version"]);
    let cost = pod.get_document("pod_cost").unwrap();
    check(cost, COST);
    assert_eq!(cost.get("cost_per_hr"), Some(&Bson::Double(3.99)));
    assert_eq!(cost.get("used_balance"), Some(&Bson::Double(1.995)));
    assert_eq!((pod.get_i32("likes").unwrap(), pod.get_array("user_likes").unwrap().len()), (0, 0));
    assert_eq!(pod.get_i32("time_taken_to_start_ollama_server").unwrap(), 298);
    assert_eq!(pod.get_i32("time_taken_to_upload_llm").unwrap(), 121);
    assert_eq!(pod.get_str("inference_name").unwrap(), "VLLM");
    let made = pod.get_datetime("created_at").unwrap();
    assert_eq!(made.try_to_rfc3339_string().unwrap(), "2025-07-14T15:45:40.372Z");

    let results = pair.stored("benchmark_results").await;
    assert_eq!(results.len(), 10);
    for result in &results {
        check(result, RESULT);
        assert_eq!(more(result, RESULT), ["sync_version"]);
    }
    let rates: Vec<Option<i32>> = results.iter().map(|result| result.get_i32("rate").ok()).collect();
    let ascending: Vec<Option<i32>> = (1..=9).map(Some).chain([None]).collect();
    assert_eq!(rates, ascending, "ascending, and throughput last");
    assert_eq!(results[9].get("rate"), Some(&Bson::Null));
    assert_eq!(results[9].get("output_tokens_per_second"), Some(&Bson::Double(1207.331)));
    assert_eq!(results[9].get("timestamp"), Some(&Bson::Double(1_752_507_940.372)));

    let suite = pair.one("benchmark_suite_results", doc! {}).await;
    check(&suite, SUITE);
    assert_eq!(suite.get_str("framework").unwrap(), "VLLM");
    let whole = suite.get_document("suite_results").unwrap();
    check(whole, SUITE_RESULTS);
    check(whole.get_document("error_summary").unwrap(), ERRORS);
    check(whole.get_document("throughput_result").unwrap(), RESULT);
    let concurrent = whole.get_array("concurrent_results").unwrap();
    assert_eq!(concurrent.len(), 9);
    assert_eq!(whole.get_i32("total_tests").unwrap(), 10);
    assert_eq!(whole.get("success_rate"), Some(&Bson::Double(1.0)));
}

#[tokio::test]
async fn what_nobody_knows_is_absent_null_or_zero_as_readers_bear_it() {
    let pair = Pair::new().await;
    let mut run = ours("pod-a", 0);
    (run.cost, run.icon_url, run.server_start_s, run.model_download_s) = (None, None, None, None);
    run.benchmark_duration_s = None;
    run.failures = vec![PublishedFailure {
        test_type: BenchmarkType::Concurrent,
        rate: Some(9),
        error: "timed out".to_owned(),
        kind: FailureKind::Timeout,
    }];
    pair.write(&run, &[concurrent(1), throughput()]).await;
    pair.send_all().await;
    let pod = pair.one("pod_benchmarks", doc! {}).await;
    check(&pod, POD);
    assert!(!pod.contains_key("pod_cost"));
    assert_eq!(pod.get("icon_url"), Some(&Bson::Null));
    assert_eq!(pod.get_i32("time_taken_to_upload_llm").unwrap(), 0);
    let suite = pair.one("benchmark_suite_results", doc! {}).await;
    let whole = suite.get_document("suite_results").unwrap();
    check(whole, SUITE_RESULTS);
    assert_eq!(whole.get("success_rate"), Some(&Bson::Double(2.0 / 3.0)));
    assert_eq!(whole.get_document("error_summary").unwrap().get_i32("timeout").unwrap(), 1);
    let failed = whole.get_array("failures").unwrap()[0].as_document().unwrap();
    assert_eq!(failed, &doc! { "test_type": "concurrent", "rate": 9, "error": "timed out" });
}

#[tokio::test]
async fn a_run_without_throughput_waits_for_it_and_readers_never_see_one() {
    let pair = Pair::new().await;
    let run = ours("pod-a", 0);
    pair.write(&run, &[concurrent(1)]).await;
    assert_eq!(pair.send_all().await, 1, "there is nothing to send of it");
    for collection in ["pod_benchmarks", "benchmark_results", "benchmark_suite_results"] {
        assert_eq!(pair.stored(collection).await, [], "{collection}");
    }
    assert!(pair.verify(false).await.is_equal());
    assert_eq!(pair.write(&run, &[concurrent(1), throughput()]).await, Published::Written(2));
    pair.send_all().await;
    assert_eq!(pair.stored("benchmark_results").await.len(), 2);
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), ["pod-a"]);
}

#[tokio::test]
async fn runs_are_stored_oldest_first_and_changed_where_they_are() {
    let pair = Pair::new().await;
    for (pod_id, minute) in [("pod-c", 2), ("pod-a", 0), ("pod-b", 1)] {
        pair.publish(pod_id, minute).await;
    }
    pair.send_all().await;
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), ["pod-a", "pod-b", "pod-c"]);
    let before: Vec<Option<Bson>> =
        pair.stored("benchmark_results").await.iter().map(|result| result.get("_id").cloned()).collect();
    let liked = doc! { "$inc": { "likes": 1 }, "$push": { "user_likes": 7 }, "$set": { "theirs": "kept" } };
    pair.update("pod_benchmarks", doc! { "pod_id": "pod-a" }, liked).await;

    let mut changed = ours("pod-a", 0);
    changed.llm_common_name = "Llama2-7B!".to_owned();
    let mut results = ten();
    results[3].total_requests += 1;
    pair.write(&changed, &results).await;
    pair.send_all().await;
    let stored = pair.stored("pod_benchmarks").await;
    assert_eq!(pods(&stored), ["pod-a", "pod-b", "pod-c"], "in its place");
    assert_eq!(stored[0].get_str("llm_common_name").unwrap(), "Llama2-7B!");
    assert_eq!((stored[0].get_i32("likes").unwrap(), stored[0].get_str("theirs").unwrap()), (1, "kept"));
    let results = pair.stored("benchmark_results").await;
    let after: Vec<Option<Bson>> = results.iter().map(|result| result.get("_id").cloned()).collect();
    assert_eq!(after, before, "results too");
    assert_eq!(results[3].get_i32("total_requests").unwrap(), 734);

    pair.write(&changed, &[concurrent(2), throughput()]).await;
    pair.send_all().await;
    let left = pair.found("benchmark_results", doc! { "pod_id": "pod-a" }).await;
    assert_eq!(left.len(), 2, "levels that it has no more are gone");
    assert!(pair.verify(false).await.is_equal());
}

#[tokio::test]
async fn a_backfill_stores_runs_oldest_first_whatever_place_they_had() {
    let pair = Pair::new().await;
    // More than one batch, sent in the wrong order before.
    for minute in (0..150).rev() {
        pair.publish(&format!("pod-{minute:03}"), minute).await;
    }
    pair.send_all().await;
    for collection in ["pod_benchmarks", "benchmark_results", "benchmark_suite_results"] {
        pair.delete(collection, doc! {}).await;
    }
    let mut conn = pair.here.pool.acquire().await.unwrap();
    let rows = dria_bench::store::outbox::append_all(&mut conn, pair.target.name()).await.unwrap();
    assert_eq!((rows, pair.send_all().await), (150, 150));
    let expected: Vec<String> = (0..150).map(|minute| format!("pod-{minute:03}")).collect();
    assert_eq!(pods(&pair.stored("pod_benchmarks").await), expected);
    assert!(pair.verify(false).await.is_equal());
}

#[tokio::test]
async fn an_older_version_never_replaces_a_newer_one() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    pair.send_all().await;
    let newer = doc! { "$set": { "sync_version": 9_i64, "llm_common_name": "newer" } };
    pair.update("pod_benchmarks", doc! {}, newer).await;
    let mut changed = ours("pod-a", 0);
    changed.llm_common_name = "older".to_owned();
    pair.write(&changed, &ten()).await;
    pair.send_all().await;
    assert_eq!(pair.one("pod_benchmarks", doc! {}).await.get_str("llm_common_name").unwrap(), "newer");
}

#[tokio::test]
async fn natural_keys_are_unique_and_give_readers_ascending_rates() {
    let pair = Pair::new().await;
    // Twice: whoever starts does it again.
    pair.target.prepare().await.unwrap();
    for (collection, keys) in [
        ("pod_benchmarks", doc! { "pod_id": 1 }),
        ("benchmark_results", doc! { "pod_id": 1, "benchmark_type": 1, "rate": 1 }),
        ("users", doc! { "github_id": 1 }),
        ("gpu_pricing_processed", doc! { "gpu_id": 1, "platform": 1 }),
    ] {
        let answer = pair.there.database.run_command(doc! { "listIndexes": collection }).await.unwrap();
        let indexes = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        let found = indexes.iter().filter_map(Bson::as_document).find(|index| {
            let fields = index.get_document("key").unwrap().keys();
            fields.eq(keys.keys())
        });
        let unique = found.is_some_and(|index| index.get_bool("unique").is_ok_and(|unique| unique));
        assert!(unique, "{collection} {keys}: {indexes:?}");
    }
}
