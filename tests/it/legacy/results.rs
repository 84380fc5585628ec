//! `/benchmark_results`, `/multiple_benchmark_results`, `/get_all_benchmarks`.

use serde_json::{Value, json};

use super::{App, pods, refused};
use crate::support::published::{concurrent, run, throughput};

#[tokio::test]
async fn one_run_is_told_with_its_throughput_and_its_concurrent_benchmarks_in_ascending_rate() {
    let app = App::new().await;
    app.publish(&run("pod-a", 0), &[throughput(), concurrent(9), concurrent(1), concurrent(2)]).await;
    app.database.execute("update published_runs set upvotes = 3, comment_count = 2").await;
    let answer = app.json("/benchmark_results?pod_id=pod-a").await;
    insta::assert_json_snapshot!("one", answer);
}

#[tokio::test]
async fn what_is_not_known_of_a_run_is_there_and_null() {
    let app = App::new().await;
    let mut bare = run("bare", 0);
    (bare.cost, bare.benchmark_duration_s, bare.icon_url) = (None, None, None);
    (bare.server_start_s, bare.model_download_s, bare.container_disk_in_gb) = (None, None, 0);
    app.publish(&bare, &[throughput()]).await;
    let answer = app.json("/benchmark_results").await;
    for field in [
        "memory",
        "download_speed",
        "cost",
        "test_duration",
        "container_setup",
        "model_download_time",
        "server_cost_per_hour",
        "icon_url",
    ] {
        assert_eq!(answer.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(answer["graph_info"], json!([]));
}

#[tokio::test]
async fn the_newest_run_that_matches_every_text_exactly_is_the_one() {
    let app = App::new().await;
    let mut other = run("ollama", 1);
    (other.inference_name, other.gpu_id) = ("Ollama".to_owned(), "NVIDIA L40S".to_owned());
    (other.server_type, other.llm_id) = ("local".to_owned(), "llama2:7b".to_owned());
    app.publish(&run("old", 0), &[throughput()]).await;
    app.publish(&run("new", 2), &[throughput()]).await;
    app.publish(&other, &[throughput()]).await;
    for (query, found) in [
        ("", Some("new")),
        ("platform=VLLM", Some("new")),
        ("platform=vllm", Some("new")),
        ("platform=oLLaMa", Some("ollama")),
        ("gpu_type=NVIDIA%20L40S", Some("ollama")),
        ("gpu_type=nvidia%20l40s", None),
        ("llm_id=Llama2-7B", Some("new")),
        ("llm_id=llama2-7b", None),
        ("llm_id=llama2:7b", Some("ollama")),
        ("server_type=local", Some("ollama")),
        ("server_type=Local", None),
        ("pod_id=old&platform=VLLM", Some("old")),
        ("pod_id=old&platform=Ollama", None),
        ("pod_id=&platform=", Some("new")),
        ("nothing=else&page=junk", Some("new")),
        ("pod_id=%00", None),
        ("pod_id='%20or%201=1", None),
    ] {
        let response = app.get(&format!("/benchmark_results?{query}")).await;
        match found {
            Some(pod_id) => assert_eq!(response.json::<Value>().await.unwrap()["pod_id"], pod_id, "{query}"),
            None => assert_eq!(refused(response).await, (404, vec![]), "{query}"),
        }
    }
}

#[tokio::test]
async fn whether_somebody_votes_for_it_is_told_to_them_alone_and_of_one_run_alone() {
    let app = App::new().await;
    app.publish_all(&["pod-a"]).await;
    app.database.execute("insert into run_upvotes (pod_id, github_id) values ('pod-a', 7)").await;
    let (voter, other) = (app.sign_in(7).await, app.sign_in(8).await);
    let path = "/benchmark_results?pod_id=pod-a";
    for (token, votes) in
        [(Some(voter.as_str()), true), (Some(&other), false), (Some("junk"), false), (None, false)]
    {
        let mut request = app.request(reqwest::Method::GET, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["is_upvoted_by_user"], votes, "{token:?}");
    }
    for path in ["/get_all_benchmarks", "/multiple_benchmark_results?pod_ids=pod-a"] {
        let answer: Value = app
            .request(reqwest::Method::GET, path)
            .bearer_auth(&voter)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer["benchmark_results"][0]["is_upvoted_by_user"], false);
    }
}

#[tokio::test]
async fn several_runs_come_in_the_order_asked_and_pages_are_cut_from_the_ids() {
    let app = App::new().await;
    app.publish(&run("a", 0), &[throughput(), concurrent(2), concurrent(1)]).await;
    app.publish_all(&["b"]).await;
    let ask = async |query: &str| app.json(&format!("/multiple_benchmark_results?{query}")).await;
    let answer = ask("pod_ids=b&pod_ids=nobody&pod_ids=a&pod_ids=b").await;
    assert_eq!(pods(&answer), ["b", "a", "b"]);
    assert_eq!(
        answer["pagination"],
        json!({ "current_page": 1, "per_page": 6, "total_items": 4, "total_pages": 1,
                "has_next": false, "has_prev": false })
    );
    let a = &answer["benchmark_results"][1];
    assert_eq!(a["graph_info"], json!([{ "x": 1, "y": 0.625 }, { "x": 2, "y": 0.75 }]));
    assert_eq!((&a["x_axis_label"], &a["y_axis_label"]), (&json!("Rate"), &json!("Request Latency")));

    let second = ask("pod_ids=b&pod_ids=nobody&pod_ids=a&per_page=1&page=2").await;
    assert_eq!((pods(&second), &second["pagination"]["total_pages"]), (vec![], &json!(3)));
    assert_eq!(pods(&ask("pod_ids=b&page=9").await), [""; 0]);
    assert_eq!(pods(&ask("pod_ids=a,b").await), [""; 0], "a comma is no separator");
    assert_eq!(ask("pod_ids=").await["pagination"]["total_items"], 1);
    let missing = app.get("/multiple_benchmark_results").await;
    assert_eq!(refused(missing).await, (422, vec![(json!(["query", "pod_ids"]), "missing".to_owned())]));
}

#[tokio::test]
async fn all_runs_are_listed_newest_first_in_pages_and_without_graphs() {
    let app = App::new().await;
    let ids: Vec<String> = (0..8).map(|number| format!("pod-{number}")).collect();
    app.publish_all(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Made at the same time as the newest: the order is the same each time all the same.
    app.publish(&run("pod-8", 7), &[throughput(), concurrent(1)]).await;
    let first = app.json("/get_all_benchmarks").await;
    assert_eq!(pods(&first), ["pod-8", "pod-7", "pod-6", "pod-5", "pod-4", "pod-3"]);
    insta::assert_json_snapshot!("first_of_all", first["benchmark_results"][0]);
    let second = app.json("/get_all_benchmarks?page=2").await;
    assert_eq!(pods(&second), ["pod-2", "pod-1", "pod-0"]);
    assert_eq!(
        second["pagination"],
        json!({ "current_page": 2, "per_page": 6, "total_items": 9, "total_pages": 2,
                "has_next": false, "has_prev": true })
    );
    assert_eq!(pods(&app.json("/get_all_benchmarks?per_page=50").await).len(), 9);
    let past = app.json("/get_all_benchmarks?page=9223372036854775807&per_page=50").await;
    assert_eq!((pods(&past), &past["pagination"]["total_items"]), (vec![], &json!(9)));
}

#[tokio::test]
async fn where_there_is_no_run_there_is_one_empty_page() {
    let app = App::new().await;
    let none = app.json("/get_all_benchmarks").await;
    assert_eq!((pods(&none), &none["pagination"]["total_pages"]), (vec![], &json!(1)));
    assert_eq!(refused(app.get("/benchmark_results").await).await.0, 404);
}

#[tokio::test]
async fn a_run_without_a_throughput_result_is_not_listed_and_not_counted() {
    let app = App::new().await;
    app.publish_all(&["whole"]).await;
    app.publish(&run("half", 5), &[concurrent(1)]).await;
    let all = app.json("/get_all_benchmarks").await;
    assert_eq!((pods(&all), &all["pagination"]["total_items"]), (vec!["whole"], &json!(1)));
    assert_eq!(pods(&app.json("/multiple_benchmark_results?pod_ids=half&pod_ids=whole").await), ["whole"]);
    assert_eq!(refused(app.get("/benchmark_results?pod_id=half").await).await.0, 404);
    assert_eq!(app.json("/benchmark_results").await["pod_id"], "whole");
}
