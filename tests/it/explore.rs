//! Searching, comparing, drawing and taking away what is published: a run that was measured here, and an imported one beside
//! it.

mod plans;
mod result;
mod trends;

use dria_bench::{
    api, config, http,
    store::publications::{self, Origin, Published},
};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use crate::support::drain::Bench;

/// The imported run's name.
const IMPORTED: &str = "imported1";

/// A server over two published runs.
struct App {
    bench: Bench,
    server: api::Server,
    client: reqwest::Client,
    measured: String,
}

impl App {
    async fn new() -> Self {
        let bench = Bench::new(&[1, 2], |_| {}).await;
        bench.drain().await;
        let measured = bench.run().await.public_id.unwrap();
        let server = api::serve(&config::Server::default(), bench.database.pool.clone()).await.unwrap();
        let app = Self { bench, server, client: http::client(None).unwrap(), measured };
        assert_eq!(app.import("Ollama").await, Published::Written(1));
        app
    }

    /// Writes the imported run as another engine's.
    async fn import(&self, engine: &str) -> Published {
        let mut conn = self.bench.database.pool.acquire().await.unwrap();
        let mut stored = publications::get(&mut conn, &self.measured).await.unwrap().unwrap();
        IMPORTED.clone_into(&mut stored.run.pod_id);
        stored.run.origin = Origin::Imported("file:a.json".to_owned());
        engine.clone_into(&mut stored.run.inference_name);
        for result in &mut stored.results {
            result.result_id = None;
            result.output_tokens_per_second /= 2.0;
        }
        publications::upsert(&mut conn, &stored.run, &stored.results).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}/api/v1/{path}", self.server.url())).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }
}

fn ids(found: &Value) -> Vec<&str> {
    found["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn runs_are_found_by_facets_whose_counts_ignore_their_own_filter_and_by_bounds() {
    let app = App::new().await;
    let all = app.json("explore?sort=tps").await;
    assert_eq!((ids(&all), &all["total"]), (vec![app.measured.as_str(), IMPORTED], &2.into()));
    let fastest = &all["runs"][0];
    assert_eq!(fastest["origin"], "measured");
    assert!(fastest["metrics"]["tps"]["measured"].is_object(), "it has n and spread: {fastest}");
    assert!(all["runs"][1]["metrics"]["tps"]["measured"].is_null(), "nobody knows the spread of an import");
    let ollama = app.json("explore?engine=ollama").await;
    assert_eq!(ids(&ollama), [IMPORTED]);
    let engines = ollama["facets"]["engine"].as_array().unwrap();
    assert_eq!(engines.len(), 2, "the other engine is still there to choose: {engines:?}");
    let tps = fastest["metrics"]["tps"]["value"].as_f64().unwrap();
    assert_eq!(ids(&app.json(&format!("explore?tps_min={}", tps * 0.9)).await), [app.measured.as_str()]);
    let first = app.json("explore?limit=1").await;
    let next = first["next"].as_str().unwrap();
    let second = app.json(&format!("explore?limit=1&cursor={next}")).await;
    assert!(second["next"].is_null());
    assert_ne!(ids(&first), ids(&second));
}

#[tokio::test]
async fn what_can_not_be_meant_is_refused_by_its_name() {
    let app = App::new().await;
    for bad in
        ["tps_min=x", "tps_min=2&tps_max=1", "since=99999999w", "sort=taste", "nonsense=1", "status=odd"]
    {
        assert_eq!(app.get(&format!("explore?{bad}")).await.status(), 422, "{bad}");
    }
    assert_eq!(app.get(&format!("compare?run={IMPORTED}")).await.status(), 422);
    assert_eq!(app.get(&format!("compare?run={IMPORTED}&run=nobody")).await.status(), 404);
    assert_eq!(app.get("frontier?y=taste").await.status(), 422);
    assert_eq!(app.get("trends?metric=taste").await.status(), 422);
    assert_eq!(app.get("results?format=xlsx").await.status(), 422);
}

#[tokio::test]
async fn runs_are_compared_drawn_and_taken_away() {
    let app = App::new().await;
    let compared = app.json(&format!("compare?run={},{IMPORTED}", app.measured)).await;
    assert_eq!(compared["baseline"], app.measured.as_str());
    assert_eq!(ids(&compared).len(), 2);
    let frontier = app.json("frontier").await;
    assert!(frontier.to_string().contains(IMPORTED), "{frontier}");
    let trends = app.json("trends?metric=tps").await;
    assert!(trends.to_string().contains(&app.measured), "{trends}");
    let csv = app.get("results?format=csv").await;
    assert!(csv.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"));
    let mut rows = csv::Reader::from_reader(csv.bytes().await.unwrap().to_vec().as_slice())
        .into_records()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    rows.retain(|row| row.iter().any(|cell| cell == IMPORTED));
    assert_eq!(rows.len(), 3, "two levels and throughput");
    let formula = "update published_runs set llm_common_name = '=HYPERLINK(1)', gpu_key = '-1.5' where pod_id = 'imported1'";
    app.bench.database.execute(formula).await;
    let csv = app.get("results?format=csv").await.text().await.unwrap();
    assert!(
        csv.contains(",'=HYPERLINK(1),") && csv.contains(",-1.5,"),
        "a name is no formula, a number stays one: {csv}"
    );
    let parquet = app.get("results?format=parquet").await.bytes().await.unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[tokio::test]
async fn an_answer_is_good_until_somebody_writes_whichever_process_it_was() {
    let app = App::new().await;
    let other = api::serve(&config::Server::default(), app.bench.database.pool.clone()).await.unwrap();
    let tag = app.get("explore").await.headers()[header::ETAG].clone();
    let again = async |server: &api::Server| {
        let url = format!("{}/api/v1/explore", server.url());
        app.client.get(url).header(header::IF_NONE_MATCH, &tag).send().await.unwrap().status()
    };
    assert_eq!(again(&app.server).await, StatusCode::NOT_MODIFIED);
    assert_eq!(again(&other).await, StatusCode::NOT_MODIFIED, "the state is the database's");
    assert_eq!(app.import("SGLang").await, Published::Written(2));
    assert_eq!(again(&app.server).await, StatusCode::OK);
    assert_eq!(again(&other).await, StatusCode::OK);
    assert_eq!(ids(&app.json("explore?engine=sglang").await), [IMPORTED]);
}
