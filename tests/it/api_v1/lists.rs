//! The lists of runs and results: every row once over all pages, whatever is added meanwhile, and each filter.

use serde_json::Value;

use super::App;
use crate::support::runs as helpers;

/// Every run's id, page by page.
async fn walk(app: &App, query: &str, mut between: impl AsyncFnMut()) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.json(&format!("/api/v1/runs?limit=3{query}{cursor}")).await;
        let runs = page["runs"].as_array().unwrap();
        assert!(runs.len() <= 3);
        ids.extend(runs.iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
        between().await;
    }
}

#[tokio::test]
async fn pages_hold_every_run_once_whatever_is_added_meanwhile() {
    let app = App::new().await;
    let (database, spec) = (&app.bench.database, app.bench.run().await.spec);
    let workflow = helpers::quick_workflow(&[1]);
    let mut expected = vec![app.bench.run.to_string()];
    for _ in 0..7 {
        let id = helpers::start(database, app.bench.tokens.as_ref(), &spec, &workflow, "steps").await;
        expected.push(id.to_string());
    }
    // All at the same time, so that the id decides.
    database.execute("update workflow_runs set created_at = '2026-11-24 06:00Z'").await;
    let seen = walk(&app, "", async || {
        helpers::start(database, app.bench.tokens.as_ref(), &spec, &workflow, "steps").await;
    })
    .await;
    expected.sort_unstable();
    expected.reverse();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn each_filter_lets_pass_what_it_says() {
    let app = App::new().await;
    let (database, mut spec) = (&app.bench.database, app.bench.run().await.spec);
    let workflow = helpers::quick_workflow(&[1]);
    let first = app.bench.run.to_string();
    database.execute("update workflow_runs set created_at = '2026-11-23 06:00Z'").await;
    spec.machine.gpu_id = "NVIDIA H200".to_owned();
    spec.model.common_name = "Llama2-7B".to_owned();
    spec.model.id = "llama2:7b".to_owned();
    let second =
        helpers::start(database, app.bench.tokens.as_ref(), &spec, &workflow, "steps").await.to_string();
    let both = [second.as_str(), first.as_str()];
    for (query, expected) in [
        ("&engine=truth", &both[..]),
        ("&engine=vllm", &[]),
        ("&gpu=NVIDIA%20H200", &both[..1]),
        ("&gpu=nvidia%20h200", &[]),
        ("&model=Llama2-7B", &both[..1]),
        ("&model=llama2:7b", &both[..1]),
        ("&text=h200", &both[..1]),
        ("&text=TRUTH", &both[..]),
        ("&provider=endpoint", &both[..]),
        ("&status=succeeded", &[]),
        ("&status=pending&until=2026-11-24", &both[1..]),
        ("&since=2026-11-23T06:00:01Z", &both[..1]),
        ("&since=2026-11-23T06:00:00%2B00:00&gpu=CPU%20test", &both[1..]),
    ] {
        assert_eq!(walk(&app, query, async || {}).await, expected, "{query}");
    }
    assert_eq!(walk(&app, &format!("&text={}", &first[..20]), async || {}).await.last(), Some(&first));
}

#[tokio::test]
async fn results_across_runs_are_those_of_each_run() {
    let app = App::new().await;
    app.bench.drain().await;
    let run = app.json(&format!("/api/v1/runs/{}", app.bench.run)).await;
    let all = app.json("/api/v1/results").await;
    let listed = all["results"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    for result in run["results"].as_array().unwrap() {
        let same = |listed: &&Value| listed["columns"] == result["measured"];
        let listed = listed.iter().find(same).expect("a result is missing");
        assert_eq!((&listed["run"], &listed["engine"]), (&run["run"], &run["spec"]["engine"]["kind"]));
    }
    let of = async |query: &str| app.json(&format!("/api/v1/results?{query}")).await;
    let concurrent = of("benchmark_type=concurrent&rate=1&engine=truth&view=compat&gpu=CPU%20test").await;
    assert_eq!(concurrent["results"].as_array().unwrap().len(), 1);
    assert_eq!(concurrent["results"][0]["columns"]["rate"], 1);
    assert_eq!(of("rate=2").await["results"].as_array().unwrap().len(), 0);
    let one = of("limit=1").await;
    let two = of(&format!("limit=1&cursor={}", one["next"].as_str().unwrap())).await;
    assert_eq!(two["next"], Value::Null);
    assert_eq!([&one["results"][0], &two["results"][0]], [&listed[0], &listed[1]]);
    app.bench.database.execute("update benchmark_results set superseded_at = now() where rate = 1").await;
    assert_eq!(of("").await["results"].as_array().unwrap().len(), 1, "what is superseded is not listed");
}
