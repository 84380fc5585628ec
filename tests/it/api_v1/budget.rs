//! What a run may cost, said over HTTP.

use dria_bench::{
    ledger::tokens::Role,
    store::{audit, budgets},
};
use reqwest::{Method, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{App, problem};

#[tokio::test]
async fn an_operator_says_what_a_run_may_cost_and_nobody_below() {
    let app = App::new().await;
    let (operator, viewer) = (app.token(Role::Operator).await, app.token(Role::Viewer).await);
    let run = app.bench.run;
    let post = async |token: &str, query: &str| -> Response {
        let request = app.request(Method::POST, &format!("/api/v1/runs/{run}/budget{query}"));
        request.bearer_auth(token).send().await.unwrap()
    };
    assert_eq!(problem(post(&viewer, "?max_usd=5").await).await.0, 403);
    for bad in ["", "?max_usd=0", "?max_usd=-1", "?max_usd=NaN", "?max_usd=1e9", "?max_usd=1000000"] {
        let (status, _, parts) = problem(post(&operator, bad).await).await;
        assert_eq!((status, parts), (422, vec!["max_usd".to_owned()]), "{bad}");
    }
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    assert_eq!(budgets::of_run(&mut conn, run).await.unwrap(), None, "nothing was set");
    let detail = async || app.json(&format!("/api/v1/runs/{run}")).await;
    assert_eq!(detail().await["max_usd"], Value::Null, "nobody said");
    for changed in [true, false] {
        let answer: Value = post(&operator, "?max_usd=5.25").await.json().await.unwrap();
        assert_eq!(answer, json!({ "run": run, "changed": changed, "max_usd": "5.25" }));
    }
    assert_eq!(budgets::of_run(&mut conn, run).await.unwrap(), Some(Decimal::new(525, 2)));
    assert_eq!(detail().await["max_usd"], "5.25", "it is told beside what is spent");
    let log = audit::of(&mut conn, &run.to_string()).await.unwrap();
    assert_eq!(log.last().unwrap().action, "run.budget");
}
