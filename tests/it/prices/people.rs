//! `dria-bench prices` as a person meets it.

use std::process::Command;

use crate::support::{
    clouds::{FakeClouds, Fault},
    program::{Bench, Ended, end_of},
};

/// The program, whose sources without a key are all ours.
fn command(bench: &Bench, clouds: &FakeClouds, arguments: &str) -> Command {
    let mut command = bench.command(arguments);
    for source in [
        "runpod",
        "vastai",
        "vultr",
        "azure",
        "oci",
        "lium",
        "akash",
        "cloudrift",
        "gpuhunt",
        "skypilot",
        "lambda",
        "ecb",
    ] {
        command.env(format!("PRICE_{}_URL", source.to_uppercase()), clouds.url(source));
    }
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_scraped_listed_and_reviewed_on_the_command_line() {
    let (bench, clouds) = (Bench::new().await, FakeClouds::start().await);
    let run = |arguments: &str| -> Ended { end_of(&mut command(&bench, &clouds, arguments)) };

    let empty = run("prices list");
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""), "{empty:?}");
    assert!(empty.stderr.contains("prices scrape"), "{empty:?}");

    clouds.fail("akash", [Fault::Html(200)]);
    let scraped = run("prices scrape");
    assert_eq!(scraped.code, Some(0), "one that fails isn't all: {scraped:?}");
    assert!(scraped.stdout.contains("akash") && scraped.stdout.contains("a page in HTML instead of JSON"));
    assert!(scraped.stdout.contains("LAMBDA_API_KEY is not set"), "{scraped:?}");
    assert!(scraped.stderr.contains("1 of 10 sources did not answer in full"), "{scraped:?}");

    let list = run("prices list --gpu H100 --json");
    assert_eq!(list.code, Some(0), "{list:?}");
    let json = list.json();
    let prices = json["prices"].as_array().unwrap();
    assert!(prices.iter().all(|price| price["gpu_key"].as_str().unwrap().contains("H100")), "{json}");
    let median = &json["medians"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sum| sum["gpu_key"] == "NVIDIA H100 80GB HBM3" && sum["kind"] == "on_demand");
    let median = median.unwrap();
    // vast.ai 1.99, lium 1.85, runpod 2.49, aws 6.88, oci 10 and vultr 2.99: the median is between 2.49 and 2.99.
    assert_eq!((&median["median_usd"], &median["platforms"]), (&"2.74".into(), &6.into()), "{json}");
    assert_eq!((&median["cheapest_usd"], &median["cheapest_platform"]), (&"1.85".into(), &"lium".into()));
    let text = run("prices list --gpu H100 --platform runpod --kind spot");
    let rows: Vec<&str> = text.stdout.lines().filter(|line| line.contains("runpod    spot")).collect();
    assert!(rows.len() == 1 && rows[0].contains("1.750") && rows[0].contains("secure"), "{text:?}");

    let advice = run("gpus recommend --model meta-llama/Llama-3.1-8B-Instruct --json").json();
    let offers: Vec<&str> = advice["ranked"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["offer"]["source"].as_str())
        .collect();
    assert!(offers.contains(&"lium secure"), "the cheapest H100 on demand: {offers:?}");

    let history = run("prices history --gpu H100 --platform lium --json").json();
    assert_eq!(history["history"].as_array().unwrap().len(), 1, "{history}");
    let unknown = run("prices unknown").stdout;
    assert!(unknown.contains("A10G") && unknown.contains("the catalog has no such GPU"), "{unknown}");
    let quarantine = run("prices quarantine");
    assert_eq!((quarantine.code, quarantine.stdout.as_str()), (Some(0), ""));
    let sources = run("prices sources --json").json();
    assert_eq!(sources.as_array().unwrap().len(), 21);
    let akash = sources.as_array().unwrap().iter().find(|source| source["source"] == "akash").unwrap();
    assert_eq!((&akash["outcome"], &akash["key_set"]), (&"failed".into(), &false.into()), "{akash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fails_only_where_all_that_were_asked_failed_and_keys_stay_secret() {
    let (bench, clouds) = (Bench::new().await, FakeClouds::start().await);
    clouds.fail("lium", [Fault::Status(404, None)]);
    let failed = end_of(&mut command(&bench, &clouds, "prices scrape --source lium"));
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let again = end_of(&mut command(&bench, &clouds, "prices scrape --source lium"));
    assert_eq!(again.code, Some(0), "too soon is no failure: {again:?}");
    assert!(again.stdout.contains("asked less than"), "{again:?}");
    let keyless = end_of(&mut command(&bench, &clouds, "prices scrape --source lambda"));
    assert_eq!(keyless.code, Some(1), "{keyless:?}");
    let unknown = end_of(&mut command(&bench, &clouds, "prices scrape --source vast"));
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean vastai"), "{unknown:?}");
    let gpu = end_of(&mut command(&bench, &clouds, "prices list --gpu H1000"));
    assert_eq!(gpu.code, Some(2), "{gpu:?}");

    let mut with_key = command(&bench, &clouds, "prices scrape --source lambda --force -vv");
    let with_key = end_of(with_key.env("LAMBDA_API_KEY", "wrong-and-secret"));
    assert_eq!(with_key.code, Some(1), "{with_key:?}");
    assert!(!format!("{with_key:?}").contains("wrong-and-secret"));
    let mut bad = command(&bench, &clouds, "prices sources");
    let bad = end_of(bad.env("PRICE_LIUM_URL", "ftp://x"));
    assert_eq!(bad.code, Some(2), "{bad:?}");
    assert!(bad.stderr.contains("PRICE_LIUM_URL") && bad.stderr.contains("http://"), "{bad:?}");
}
