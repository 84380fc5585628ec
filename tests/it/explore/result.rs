//! One published run with all its benchmarks, whether it was measured here or imported.

use dria_bench::{
    domain::{failure::Failure, run::RunStatus},
    store::{publications, runs},
};
use reqwest::{StatusCode, header};

use super::{App, IMPORTED};
use crate::support::runs::start;

#[tokio::test]
async fn a_result_has_every_level_whichever_its_origin_and_a_spread_where_it_was_measured() {
    let app = App::new().await;
    let measured = app.json(&format!("results/{}", app.measured)).await;
    let imported = app.json(&format!("results/{IMPORTED}")).await;
    for (result, origin) in [(&measured, "measured"), (&imported, "imported")] {
        assert_eq!(result["origin"], origin);
        let levels = result["levels"].as_array().unwrap();
        let rates: Vec<_> = levels.iter().map(|level| level["columns"]["rate"].as_u64()).collect();
        assert_eq!(rates, [Some(1), Some(2), None], "concurrent by streams, throughput last: {origin}");
        for level in levels {
            let columns = level["columns"].as_object().unwrap();
            assert!(columns["time_to_first_token_ms"].is_f64() && columns.len() == 17, "{columns:?}");
            assert_eq!(level["figures"].as_object().unwrap().is_empty(), origin == "imported", "{level}");
        }
    }
    let tps = &measured["levels"][2]["figures"]["tps"];
    assert!(tps["n"].as_u64() > Some(1) && tps["ci95"].is_array(), "{tps}");
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let stored = publications::get(&mut conn, IMPORTED).await.unwrap().unwrap();
    let throughput = stored.results.iter().find(|result| result.rate.is_none()).unwrap();
    assert_eq!(
        imported["levels"][2]["columns"]["output_tokens_per_second"],
        throughput.output_tokens_per_second
    );
    assert_eq!(measured["metrics"]["tps"]["measured"], *tps, "what it is listed with");
    assert_eq!(imported["metrics"]["tps"]["value"], throughput.output_tokens_per_second);
    assert_eq!(app.json(&format!("results/{}", app.bench.run)).await, measured, "its run's id means it too");
}

#[tokio::test]
async fn a_run_that_failed_before_it_had_a_result_says_its_code_and_has_no_level() {
    let app = App::new().await;
    let stored = app.bench.run().await;
    let workflow = stored.workflow().unwrap();
    let tokens = app.bench.tokens.as_ref();
    let failed = start(&app.bench.database, tokens, &stored.spec, &workflow, &stored.queue).await;
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    runs::set_error(&mut conn, failed, &Failure::permanent("engine_unreachable", "nothing answers"))
        .await
        .unwrap();
    runs::finish(&mut conn, failed, RunStatus::Failed).await.unwrap();
    let result = app.json(&format!("results/{failed}")).await;
    assert_eq!(
        (&result["failure_code"], &result["pod_id"]),
        (&"engine_unreachable".into(), &serde_json::Value::Null)
    );
    assert_eq!(result["levels"], serde_json::json!([]));
}

#[tokio::test]
async fn a_result_that_is_not_there_is_said_and_one_that_did_not_change_is_not_sent_again() {
    let app = App::new().await;
    assert_eq!(app.get("results/nobody").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.get(&format!("results/{IMPORTED}?levels=1")).await.status(), 422);
    let path = format!("results/{IMPORTED}");
    let tag = app.get(&path).await.headers()[header::ETAG].clone();
    let url = format!("{}/api/v1/{path}", app.server.url());
    let again = async || {
        let request = app.client.get(&url).header(header::IF_NONE_MATCH, &tag);
        request.send().await.unwrap().status()
    };
    assert_eq!(again().await, StatusCode::NOT_MODIFIED);
    app.import("SGLang").await;
    assert_eq!(again().await, StatusCode::OK);
    assert_eq!(app.json(&path).await["engine"], "SGLang");
}
