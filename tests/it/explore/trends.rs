//! Lines over time: marks where the engine's version or image changed, and what is never one line.

use dria_bench::store::publications;
use serde_json::Value;

use super::{App, IMPORTED};
use crate::support::published;

fn lines(trends: &Value) -> &Vec<Value> {
    trends["lines"].as_array().unwrap()
}

#[tokio::test]
async fn a_line_is_marked_where_the_engine_or_its_image_is_another_and_not_where_nobody_knows() {
    let app = App::new().await;
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let setups = [
        (Some("0.10.2"), Some("vllm/vllm-openai:v0.10.2")),
        (Some("0.11.0"), Some("vllm/vllm-openai:v0.11.0")),
        (Some("0.11.0"), Some("vllm/vllm-openai:v0.11.0-cu13")),
        (None, None),
        (Some("0.11.0"), Some("vllm/vllm-openai:v0.11.0-cu13")),
    ];
    for (minute, (version, image)) in (0_i64..).zip(setups) {
        let mut run = published::run(&format!("of-minute-{minute}"), minute);
        run.engine_version = version.map(str::to_owned);
        run.image = image.map(str::to_owned);
        publications::upsert(&mut conn, &run, &[published::throughput()]).await.unwrap();
    }
    let trends = app.json("trends?model=Llama2-7B").await;
    let [line] = lines(&trends).as_slice() else { panic!("one configuration is one line: {trends}") };
    assert_eq!(
        (&line["origin"], &line["llm_id"]),
        (&"imported".into(), &"meta-llama/Llama-2-7b-chat-hf".into())
    );
    let marks: Vec<(&str, Vec<&str>)> = line["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            let changed = point["changed"].as_array().unwrap().iter();
            (point["id"].as_str().unwrap(), changed.map(|change| change.as_str().unwrap()).collect())
        })
        .collect();
    let expected = [
        ("of-minute-0", vec![]),
        ("of-minute-1", vec!["engine_version", "image"]),
        ("of-minute-2", vec!["image"]),
        ("of-minute-3", vec![]),
        ("of-minute-4", vec![]),
    ];
    assert_eq!(marks, expected);
    assert_eq!(line["points"][1]["engine_version"], "0.11.0", "the mark can say what it is now");
}

#[tokio::test]
async fn what_was_imported_and_what_an_engine_calls_differently_are_lines_of_their_own() {
    let app = App::new().await;
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let measured = publications::get(&mut conn, &app.measured).await.unwrap().unwrap();
    app.import(&measured.run.inference_name).await;
    let trends = app.json("trends").await;
    let told: Vec<_> = lines(&trends).iter().map(|line| (&line["origin"], &line["llm_id"])).collect();
    let llm_id = Value::from(measured.run.llm_id);
    assert_eq!(told, [(&"imported".into(), &llm_id), (&"measured".into(), &llm_id)]);
    assert_eq!(
        lines(&trends)[0]["configuration"],
        lines(&trends)[1]["configuration"],
        "nothing else differs"
    );

    let renamed = format!("update published_runs set llm_id = 'another' where pod_id = '{}'", app.measured);
    app.bench.database.execute(&renamed).await;
    let mut again = publications::get(&mut conn, IMPORTED).await.unwrap().unwrap();
    again.run.pod_id = "imported2".to_owned();
    publications::upsert(&mut conn, &again.run, &again.results).await.unwrap();
    let trends = app.json("trends").await;
    let points = |at: usize| lines(&trends)[at]["points"].as_array().unwrap().len();
    assert_eq!((lines(&trends).len(), points(0), points(1)), (2, 2, 1), "the longest line comes first");
    assert_eq!(lines(&trends)[1]["llm_id"], "another");
}
