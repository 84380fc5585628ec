//! Sources that fail, each in its own way: the others go on, and the last prices stay.

use std::time::Duration;

use dria_bench::{
    config::Secret,
    prices::{Outcome, Scraped},
    store::price_reads::{self, Filter},
};

use super::Prices;
use crate::support::clouds::{Fault, KEY};

async fn seen(prices: &Prices) -> Vec<(String, String)> {
    let latest = prices.latest(&Filter::default()).await;
    latest.into_iter().map(|price| (price.gpu_key, price.usd_per_gpu_hour.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_keeps_its_last_prices_and_says_why() {
    let mut prices = Prices::new().await;
    prices.ask("lium").await;
    let before = seen(&prices).await;
    assert_eq!(before.len(), 2);
    prices.settings.time_limit = Some(Duration::from_millis(700));
    let changed = br#"{"nodes": [{"id": "a", "gpu_model": "B200", "available_gpu_count": 1, "tier": null}]}"#;
    for (fault, why) in [
        (vec![Fault::Html(200)], "nodes: a page in HTML instead of JSON"),
        (vec![Fault::Html(403)], "it answered 403: a page instead of an answer"),
        (vec![Fault::Status(500, None); 3], "it answered 500: nothing more"),
        (vec![Fault::Status(429, Some(3600))], "it answered 429: nothing more"),
        (vec![Fault::Status(404, None)], "it answered 404: nothing more"),
        (vec![Fault::Half], "nodes: a text that breaks off"),
        (vec![Fault::Broken; 3], "it can't be reached: "),
        (vec![Fault::Huge(2_000_000)], "nodes: the answer is larger than 1 MB"),
        (vec![Fault::Hang], "it took longer than 0.7 s"),
        (vec![Fault::Body(changed.to_vec())], "nodes: nodes[0].price_per_gpu_hour: is missing"),
        (vec![Fault::Body(b"[]".to_vec())], "nodes: ."),
        (vec![Fault::Body(b"{\"nodes\": []}".to_vec())], "it lists no GPU at all"),
        (vec![Fault::Body(b"".to_vec())], "nodes: nothing instead of JSON"),
    ] {
        let shown = format!("{fault:?}");
        prices.clouds.fail("lium", fault);
        let done = prices.ask("lium").await;
        assert_eq!(done.outcome, Outcome::Failed, "{shown}: {done:?}");
        assert!(done.error.as_deref().unwrap().starts_with(why), "{shown}: {done:?}");
        assert_eq!(seen(&prices).await, before, "{shown}");
    }
    prices.settings.time_limit = None;
    assert_eq!(prices.ask("lium").await.outcome, Outcome::Ok, "and then it works again");
    let failed = prices
        .database
        .count("select count(*) from price_scrapes where outcome = 'failed' and error <> ''")
        .await;
    assert_eq!(failed, 13);
    assert_eq!(
        prices.database.count("select count(*) from price_points where usd_per_gpu_hour <= 0").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_work_in_a_moment_is_asked_again() {
    let prices = Prices::new().await;
    prices.clouds.fail("lium", [Fault::Status(500, None), Fault::Status(429, Some(0))]);
    assert_eq!(prices.ask("lium").await.outcome, Outcome::Ok);
    assert_eq!(prices.clouds.requests("lium").len(), 3);
    prices.clouds.fail("lium", [Fault::Broken]);
    assert_eq!(prices.ask("lium").await.outcome, Outcome::Ok);
    prices.clouds.fail("lium", [Fault::Html(401)]);
    assert_eq!(prices.ask("lium").await.outcome, Outcome::Failed);
    assert_eq!(prices.clouds.requests("lium").len(), 6, "a refusal isn't asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_nobody_up_and_nobody_asks_elsewhere() {
    let mut prices = Prices::new().await;
    prices.settings.time_limit = Some(Duration::from_secs(3));
    prices.clouds.fail("akash", [Fault::Hang]);
    let done = prices.scrape(&["runpod", "akash", "azure", "vultr", "oci", "cloudrift"]).await;
    let failed: Vec<&Scraped> = done.iter().filter(|done| done.outcome == Outcome::Failed).collect();
    assert_eq!((failed.len(), failed[0].source), (1, "akash"), "{done:?}");
    // The next page of the recorded answer is on Microsoft's own host; its query is all that is followed.
    let azure = prices.clouds.requests("azure");
    assert_eq!(azure.len(), 2, "{azure:?}");
    assert!(azure[1].contains("skip=1000"), "{azure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_prices_cannot_be_stored_stops_none_of_the_others() {
    let prices = Prices::new().await;
    prices
        .database
        .execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'no room for %', new.source; end $$;
             create trigger refuse before insert on latest_prices for each row when (new.source in ('akash', 'lium'))
             execute function refuse()",
        )
        .await;
    let done = prices.scrape(&["akash", "lium", "runpod", "vultr"]).await;
    let outcomes: Vec<Outcome> = done.iter().map(|done| done.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Ok, Outcome::Ok], "{done:?}");
    let why = done[0].error.as_deref().unwrap();
    assert!(
        why.starts_with("its prices could not be recorded: ") && why.contains("no room for akash"),
        "{why}"
    );
    let names = vec!["akash".to_owned()];
    let states = price_reads::sources(&mut prices.pool().acquire().await.unwrap(), &names).await.unwrap();
    assert_eq!(states[0].error.as_deref(), Some(why), "and it is on record");
    // Where it is so for all that are asked, the database is what is broken.
    let wanted = [dria_bench::prices::find("akash").unwrap()];
    assert!(dria_bench::prices::scrape(prices.pool(), &prices.settings, &wanted, true).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_costs_only_itself_and_withdraws_nothing() {
    let prices = Prices::new().await;
    let whole = prices.ask("gpuhunt").await;
    assert_eq!((whole.outcome, whole.prices), (Outcome::Ok, 4));
    prices.clouds.serve("gpuhunt/aws/20261124-1/catalog.zip", &b"PK\x03\x04 broken"[..]);
    prices.clouds.serve("gpuhunt/gcp/version", "../../secrets");
    let done = prices.ask("gpuhunt").await;
    assert_eq!((done.outcome, done.prices, done.withdrawn), (Outcome::Partial, 2, 0));
    let why = done.error.unwrap();
    assert!(why.contains("aws: a broken one") && why.contains("gcp: version: is no version"), "{why}");
    assert_eq!(prices.latest(&Filter { platform: Some("aws"), ..Filter::default() }).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_its_key_is_not_asked_and_a_key_is_in_no_error() {
    let mut prices = Prices::new().await;
    prices.settings.access.get_mut("lambda").unwrap().key = None;
    let done = prices.ask("lambda").await;
    assert_eq!((done.outcome, done.error.as_deref()), (Outcome::NoKey, Some("LAMBDA_API_KEY is not set")));
    assert!(prices.clouds.requests("lambda").is_empty());

    prices.settings.access.get_mut("lambda").unwrap().key = Some(Secret::new("wrong-key"));
    let done = prices.ask("lambda").await;
    assert!(done.error.unwrap().starts_with("it answered 401: { \"error\""), "in the source's words");
    prices.clouds.fail("shadeform", [Fault::Says(403, format!("no access for key {KEY}"))]);
    let done = prices.ask("shadeform").await;
    assert_eq!(done.error.as_deref(), Some("it answered 403: no access for key ***:***"));
    prices.settings.access.get_mut("salad").unwrap().key = Some(Secret::new("only-a-key"));
    let done = prices.ask("salad").await;
    assert!(done.error.unwrap().starts_with("SALAD_API_KEY must be organization and key"));
    let leaked = "select count(*) from price_scrapes where error like '%SECRET%' or error like '%wrong-key%'";
    assert_eq!(prices.database.count(leaked).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_inside_a_success_is_a_refusal() {
    let prices = Prices::new().await;
    prices.clouds.serve("runpod", r#"{"errors": [{"message": "rate limited"}], "data": null}"#);
    let done = prices.ask("runpod").await;
    assert_eq!((done.outcome, done.error.as_deref()), (Outcome::Failed, Some("it refuses: rate limited")));
    let names = vec!["runpod".to_owned(), "vastai".to_owned()];
    let states = price_reads::sources(&mut prices.pool().acquire().await.unwrap(), &names).await.unwrap();
    assert_eq!(states[0].error.as_deref(), Some("it refuses: rate limited"));
    assert!(states[0].asked_at.is_some() && states[0].answered_at.is_none());
    assert_eq!((states[1].outcome.as_deref(), states[1].series), (None, 0));
}
