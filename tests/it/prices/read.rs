//! Reading recorded answers.

use dria_bench::{
    domain::price::{GpuNames, Gpus, Market, Normalised, Price, Rates, RawOffer, normalise},
    prices::{Page, PriceSource, find, sources},
};
use rust_decimal::Decimal;

use crate::support::clouds::body;

/// A source's recorded pages: part and path.
const PAGES: &[(&str, &[(&str, &str)])] = &[
    ("runpod", &[("gpuTypes", "runpod")]),
    ("vastai", &[("bundles", "vastai")]),
    ("vultr", &[("plans", "vultr/plans"), ("plans-metal", "vultr/plans-metal")]),
    ("azure", &[("prices", "azure")]),
    ("oci", &[("shapes", "oci/shapes.json"), ("products", "oci/products.json")]),
    ("lium", &[("nodes", "lium")]),
    ("akash", &[("gpu-prices", "akash")]),
    ("cloudrift", &[("instance-types", "cloudrift")]),
    (
        "gpuhunt",
        &[
            ("runpod", "gpuhunt/runpod/20261124-1/catalog.zip"),
            ("aws", "gpuhunt/aws/20261124-1/catalog.zip"),
            ("gcp", "gpuhunt/gcp/20261124-1/catalog.zip"),
        ],
    ),
    ("skypilot", &[("lambda", "skypilot/lambda/vms.csv")]),
    (
        "runpod_v2",
        &[
            ("gpus x1", "runpod_v2/catalog/gpus"),
            ("gpus x2", "runpod_v2/catalog/gpus"),
            ("gpus x4", "runpod_v2/catalog/gpus"),
            ("gpus x8", "runpod_v2/catalog/gpus"),
        ],
    ),
    ("lambda", &[("instance-types", "lambda")]),
    ("shadeform", &[("types", "shadeform")]),
    ("primeintellect", &[("gpus", "primeintellect")]),
    ("hyperstack", &[("pricebook", "hyperstack/pricebook"), ("flavors", "hyperstack/core/flavors")]),
    (
        "verda",
        &[
            ("instance-types", "verda/instance-types"),
            ("instance-availability", "verda/instance-availability"),
        ],
    ),
    ("digitalocean", &[("sizes", "digitalocean")]),
    ("tensordock", &[("locations", "tensordock")]),
    ("hyperbolic", &[("marketplace", "hyperbolic")]),
    ("scaleway", &[("fr-par-2", "scaleway/fr-par-2/products/servers")]),
    ("salad", &[("gpu-classes", "salad/unit-key/gpu-classes")]),
];

fn pages(source: &str) -> Vec<Page> {
    let (_, parts) = PAGES.iter().find(|(name, _)| *name == source).unwrap();
    parts.iter().map(|(part, path)| Page::new(*part, body(path, "").unwrap())).collect()
}

fn offers(source: &dyn PriceSource) -> Vec<RawOffer> {
    source.parse(&pages(source.name())).unwrap()
}

/// A price in a line.
fn line(source: &str, price: &Price) -> String {
    let series = &price.series;
    let spread = price.spread.as_ref().map_or(String::new(), |spread| {
        let p10 = spread.p10.map_or("-".to_owned(), |usd| usd.to_string());
        format!(" [min {}, p10 {p10}, {} offers]", spread.min, spread.offers)
    });
    format!(
        "{source}: {}{} | {} x{} | {} {} | {} {}{spread} | {} {:?}",
        series.platform,
        if series.provider.is_empty() { String::new() } else { format!(" ({})", series.provider) },
        series.gpu_key,
        series.gpu_count,
        series.kind,
        series.tier,
        price.usd_per_gpu_hour,
        if series.region.is_empty() { "everywhere" } else { &series.region },
        price.in_stock.map_or("stock ?", |there| if there { "in stock" } else { "sold out" }),
        price.regions,
    )
}

fn normalised(source: &dyn PriceSource) -> Normalised {
    let rates = Rates::from([("EUR".to_owned(), Decimal::new(11412, 4))]);
    normalise(&GpuNames::embedded().unwrap(), source.name(), source.market(), &offers(source), &rates)
}

#[test]
fn every_source_reads_its_recorded_answer_to_these_prices() {
    let mut lines = Vec::new();
    for source in sources::ALL {
        let done = normalised(*source);
        lines.extend(done.prices.iter().map(|price| line(source.name(), price)));
        lines.extend(done.unknown.iter().map(|gpu| {
            let usd = gpu.example_usd.map_or("-".to_owned(), |usd| usd.to_string());
            format!("{}: unknown {} | {usd} | {}", source.name(), gpu.name, gpu.reason)
        }));
        if done.slices > 0 {
            lines.push(format!("{}: {} slices left out", source.name(), done.slices));
        }
        assert!(done.refused.is_empty(), "{}: {:?}", source.name(), done.refused);
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn units_are_those_of_each_source() {
    let price = |name: &str| {
        let offers = offers(find(name).unwrap());
        let offer = &offers[0];
        (offer.price.to_string(), offer.currency.clone(), offer.gpus)
    };
    let usd = |text: &str, gpus| (text.to_owned(), "USD".to_owned(), Gpus::Count(gpus));
    assert_eq!(price("cloudrift"), usd("0.39", 1), "cents of a machine");
    assert_eq!(price("shadeform"), usd("1.9", 1), "cents of a machine");
    assert_eq!(price("hyperbolic"), usd("1.49", 5), "cents of a GPU");
    assert_eq!(price("oci"), usd("80", 8), "dollars of a GPU, times the GPUs and not the product's quantity");
    assert_eq!(price("scaleway"), ("2.73".to_owned(), "EUR".to_owned(), Gpus::Count(1)));
    let vast = offers(find("vastai").unwrap());
    assert_eq!(
        (vast[2].price.to_string().as_str(), vast[2].gpus),
        ("15.92", Gpus::Count(8)),
        "dollars of an offer"
    );
    assert_eq!(find("vastai").unwrap().market(), Market::Many);
}

/// Every page of every source without one field that it can't do without: source, field, path that is named.
const MISSED: &[(&str, &str, &str)] = &[
    ("runpod", "securePrice", "gpuTypes: data.gpuTypes[0].securePrice: is missing"),
    ("runpod_v2", "secure", "gpus x1: gpus[0].price.secure: is missing"),
    ("vastai", "dph_base", "bundles: offers[0].dph_base: is missing"),
    ("vultr", "hourly_cost", "plans: plans[0].hourly_cost: is missing"),
    ("azure", "retailPrice", "prices: Items[0].retailPrice: is missing"),
    ("oci", "currencyCode", "products: items[0].currencyCodeLocalizations[0].currencyCode: is missing"),
    ("lium", "price_per_gpu_hour", "nodes: nodes[0].price_per_gpu_hour: is missing"),
    ("akash", "med", "gpu-prices: models[0].price.med: is missing"),
    (
        "cloudrift",
        "cost_per_hour",
        "instance-types: data.instance_types[0].variants[0].cost_per_hour: is missing",
    ),
    (
        "lambda",
        "price_cents_per_hour",
        "instance-types: data.gpu_8x_h100_sxm5.instance_type.price_cents_per_hour: is missing",
    ),
    ("shadeform", "hourly_price", "types: instance_types[0].hourly_price: is missing"),
    ("primeintellect", "gpuCount", "gpus: items[0].gpuCount: is missing"),
    ("hyperstack", "value", "pricebook: [0].value: is missing"),
    ("verda", "price_per_hour", "instance-types: [0].price_per_hour: is missing"),
    ("digitalocean", "price_hourly", "sizes: sizes[0].price_hourly: is missing"),
    ("tensordock", "price_per_hr", "locations: data.locations[0].gpus[0].price_per_hr: is missing"),
    ("hyperbolic", "amount", "marketplace: instances[0].pricing.price.amount: is missing"),
    ("scaleway", "hourly_price", "fr-par-2: servers.H100-1-80G.hourly_price: is missing"),
    ("salad", "price", "gpu-classes: items[0].prices[0].price: is missing"),
    ("gpuhunt", "price", "runpod: column price: is missing"),
    ("skypilot", "SpotPrice", "lambda: column SpotPrice: is missing"),
];

#[test]
fn an_unknown_field_is_passed_over_and_a_missing_one_is_named_by_its_path() {
    assert_eq!(MISSED.len(), sources::ALL.len());
    for (name, field, message) in MISSED {
        let source = find(name).unwrap();
        let renamed = pages(name).into_iter().map(|page| {
            let text = if page.body.starts_with(b"PK") {
                include_str!("../../fixtures/prices/gpuhunt/runpod_catalog.csv").to_owned()
            } else {
                String::from_utf8(page.body).unwrap()
            };
            let renamed = if text.trim_start().starts_with(['{', '[']) {
                text.replace(&format!("\"{field}\":"), "\"a_new_field\":")
            } else {
                let inside = text.replacen(&format!("{field},"), "a_new_column,", 1);
                inside.replacen(&format!(",{field}\n"), ",a_new_column\n", 1)
            };
            Page::new(page.part, renamed.into_bytes())
        });
        let renamed: Vec<Page> = renamed.collect();
        let renamed = if source.pages_stand_alone() { renamed[..1].to_vec() } else { renamed };
        let error = source.parse(&renamed).expect_err(name).to_string();
        assert_eq!(error, *message, "{name}");

        let wider = pages(name).into_iter().map(|page| {
            if page.body.starts_with(b"{") {
                let text = String::from_utf8(page.body).unwrap();
                Page::new(page.part, text.replacen('{', "{\"a_new_field\": {\"x\": [1]},", 1).into_bytes())
            } else {
                page
            }
        });
        let wider: Vec<Page> = wider.collect();
        assert_eq!(source.parse(&wider).unwrap(), offers(source), "{name}");
    }
}
