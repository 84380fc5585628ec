//! Names lead to the right card or to nobody, and nothing absurd leaves the normaliser, whatever comes in.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;

use super::{guard::Doubt, names::Named, *};
use crate::domain::catalog::Catalog;

fn names() -> GpuNames {
    GpuNames::embedded().unwrap()
}

fn usd(text: &str) -> Amount {
    Amount::read(text)
}

fn one(offer: RawOffer) -> Normalised {
    normalise(&names(), "test", Market::List, &[offer], &Rates::new())
}

#[test]
fn every_name_of_the_catalog_leads_to_its_card() {
    let (names, catalog) = (names(), Catalog::embedded().unwrap());
    for gpu in catalog.gpus() {
        let wanted = match &gpu.alias_of {
            _ if gpu.id.contains("MIG") => Named::Slice,
            Some(real) => Named::Gpu(real.clone()),
            None => Named::Gpu(gpu.id.clone()),
        };
        let memory = gpu.memory_gb.map(f64::from);
        for name in [&gpu.id, &gpu.display_name] {
            assert_eq!(names.find("test", name, "", memory), wanted, "{name}");
            assert_eq!(
                names.find("test", &name.to_lowercase().replace(' ', "-"), "", None),
                wanted,
                "{name}"
            );
        }
    }
}

#[test]
fn names_of_sources_lead_to_the_card_they_mean() {
    let names = names();
    for (source, name, form, memory, id) in [
        ("vastai", "H100 SXM", "", Some(79.6), "NVIDIA H100 80GB HBM3"),
        ("vastai", "RTX 4090", "", Some(23.99), "NVIDIA GeForce RTX 4090"),
        ("vastai", "RTX 6000Ada", "", None, "NVIDIA RTX 6000 Ada Generation"),
        ("vastai", "RTX 4080S", "", None, "NVIDIA GeForce RTX 4080 SUPER"),
        ("vastai", "RTX PRO 6000 WS", "", None, "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"),
        ("lambda", "H100 (80 GB SXM5)", "", None, "NVIDIA H100 80GB HBM3"),
        ("akash", "h100 80Gi", "SXM5", None, "NVIDIA H100 80GB HBM3"),
        ("akash", "rtx4090 24Gi", "PCIe", None, "NVIDIA GeForce RTX 4090"),
        ("hyperstack", "H100-80G-PCIe", "", None, "NVIDIA H100 PCIe"),
        ("hyperstack", "RTX-A6000", "", None, "NVIDIA RTX A6000"),
        ("hyperbolic", "NVIDIA-H100-80GB-HBM3", "", Some(79.6), "NVIDIA H100 80GB HBM3"),
        ("primeintellect", "H100_80GB", "SXM5", Some(80.0), "NVIDIA H100 80GB HBM3"),
        ("scaleway", "H100-PCIe", "", Some(80.0), "NVIDIA H100 PCIe"),
        ("shadeform", "H100", "pcie", Some(80.0), "NVIDIA H100 PCIe"),
        ("digitalocean", "nvidia_h100", "", Some(80.0), "NVIDIA H100 80GB HBM3"),
        ("digitalocean", "amd_mi300x", "", Some(192.0), "AMD Instinct MI300X OAM"),
        ("vultr", "NVIDIA_A100", "", None, "NVIDIA A100 80GB PCIe"),
        ("gpuhunt", "H100", "SXM5", Some(80.0), "NVIDIA H100 80GB HBM3"),
        ("gpuhunt", "H100NVL", "", Some(94.0), "NVIDIA H100 NVL"),
        ("gpuhunt", "RTXPRO6000", "", Some(96.0), "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
        ("gpuhunt", "H200", "", Some(141.0), "NVIDIA H200"),
        ("gpuhunt", "B200", "SXM", Some(192.0), "NVIDIA B200"),
        ("skypilot", "RTX6000-Ada", "", None, "NVIDIA RTX 6000 Ada Generation"),
        ("skypilot", "A100-80GB", "SXM4", None, "NVIDIA A100-SXM4-80GB"),
        ("tensordock", "NVIDIA GeForce RTX 4090 PCIe 24GB", "", None, "NVIDIA GeForce RTX 4090"),
        ("verda", "H100 SXM5 80GB", "", Some(80.0), "NVIDIA H100 80GB HBM3"),
        ("verda", "NVIDIA RTX A6000 48GB", "", Some(48.0), "NVIDIA RTX A6000"),
        ("azure", "H100 94GB", "NVL", None, "NVIDIA H100 NVL"),
        ("azure", "V100 32GB", "SXM2", None, "Tesla V100-SXM2-32GB"),
        ("salad", "RTX 4090 (24 GB)", "", None, "NVIDIA GeForce RTX 4090"),
    ] {
        assert_eq!(names.find(source, name, form, memory), Named::Gpu(id.to_owned()), "{source}: {name}");
    }
}

#[test]
fn a_name_that_could_be_two_cards_or_none_is_unknown_and_a_part_of_one_is_a_slice() {
    let names = names();
    let unknown = |name: &str, memory| match names.find("test", name, "", memory) {
        Named::Unknown(reason) => reason,
        other => panic!("{name}: {other:?}"),
    };
    assert!(unknown("H100", Some(80.0)).starts_with("it could be more than one GPU"));
    assert!(unknown("A100", None).starts_with("it could be more than one GPU"));
    assert!(unknown("A100 SXM", Some(40.0)).contains("with so much memory"));
    assert!(unknown("A10", Some(24.0)).contains("no such GPU"));
    assert!(unknown("Quadro RTX 4000", Some(8.0)).contains("no such GPU"));
    assert!(unknown("", None).contains("no such GPU"));
    assert_eq!(names.find("test", "A100 PCIe", "", Some(20.0)), Named::Slice);
    assert_eq!(names.find("test", "NVIDIA H100 MIG 1g.10gb", "", None), Named::Slice);
    assert_eq!(names.find("test", "Tesla K80", "", None), Named::Unknown("the catalog has no such GPU"));
    assert_eq!(names.find("test", "K80", "", None), Named::Ignored);
}

#[test]
fn a_broken_line_of_the_alias_table_is_named() {
    let catalog = Catalog::embedded().unwrap();
    let refusal = |text: &str| GpuNames::new(&catalog, text).err().unwrap().to_string();
    assert_eq!(
        refusal("source,name,gpu_id,why\n*,X,NVIDIA X,\n"),
        "catalog/gpu_names.csv:2: column `gpu_id`: `NVIDIA X` is no GPU of catalog/gpus.csv"
    );
    assert!(refusal("source,name,gpu_id,why\n,X,,\n").contains("needs a source"));
}

#[test]
fn a_machines_price_is_divided_by_its_gpus_and_a_plans_memory_tells_their_number() {
    let machine = |gpus, price: &str| {
        let offer = RawOffer { gpus, per: Per::Machine, ..RawOffer::new("vultr", "A100 PCIe", usd(price)) };
        let done = one(offer);
        done.prices.first().map(|price| (price.series.gpu_count, price.usd_per_gpu_hour.to_string()))
    };
    assert_eq!(machine(Gpus::Count(8), "23.92"), Some((8, "2.99".to_owned())));
    assert_eq!(machine(Gpus::Memory(80.0), "2.397"), Some((1, "2.397".to_owned())));
    assert_eq!(machine(Gpus::Memory(160.0), "4.794"), Some((2, "2.397".to_owned())));
    assert_eq!(machine(Gpus::Memory(4.0), "0.123"), None);
    assert_eq!(machine(Gpus::Memory(120.0), "3"), None, "one and a half cards are none");
    assert_eq!(machine(Gpus::Slice, "0.5"), None);
    assert_eq!(machine(Gpus::Count(3), "10"), Some((3, "3.333333".to_owned())));
}

#[test]
fn what_cannot_be_a_price_is_refused_with_its_reason() {
    let doubt = |price: &str, currency: &str| {
        let offer =
            RawOffer { currency: currency.to_owned(), ..RawOffer::new("runpod", "RTX 4090", usd(price)) };
        let done = one(offer);
        assert!(done.prices.is_empty(), "{price}");
        done.refused[0].doubt
    };
    assert_eq!(doubt("0", "USD"), Doubt::NotPositive);
    assert_eq!(doubt("-0.5", "USD"), Doubt::NotPositive);
    assert_eq!(doubt("0.0000001", "USD"), Doubt::NotPositive, "it rounds to nothing");
    assert_eq!(doubt("50.01", "USD"), Doubt::TooHigh);
    assert_eq!(doubt("79228162514264337593543950335", "USD"), Doubt::TooHigh);
    assert_eq!(doubt("NaN", "USD"), Doubt::Unreadable);
    assert_eq!(doubt("1", "XDR"), Doubt::Currency);
}

#[test]
fn euros_are_converted_and_spot_is_never_mixed_with_on_demand() {
    let offer = |price: &str, kind| RawOffer {
        currency: "EUR".to_owned(),
        kind,
        ..RawOffer::new("scaleway", "H100 PCIe", usd(price))
    };
    let rates = Rates::from([("EUR".to_owned(), Decimal::new(11412, 4))]);
    let offers = [offer("2.73", PriceKind::OnDemand), offer("1", PriceKind::Spot)];
    let done = normalise(&names(), "scaleway", Market::List, &offers, &rates);
    let prices: Vec<_> =
        done.prices.iter().map(|price| (price.series.kind, price.usd_per_gpu_hour.to_string())).collect();
    assert_eq!(
        prices,
        [(PriceKind::OnDemand, "3.115476".to_owned()), (PriceKind::Spot, "1.1412".to_owned())]
    );
}

#[test]
fn of_a_marketplace_the_median_is_the_price_and_an_offer_listed_twice_counts_once() {
    let offer = |id: u32, price: &str| RawOffer {
        id: id.to_string(),
        ..RawOffer::new("vast.ai", "RTX 4090", usd(price))
    };
    let mut offers: Vec<RawOffer> = (1..=20).map(|n| offer(n, &format!("0.{:02}", 30 + n))).collect();
    offers.push(offer(1, "0.31"));
    let done = normalise(&names(), "vastai", Market::Many, &offers, &Rates::new());
    assert_eq!(done.duplicates, 1);
    let [price] = done.prices.as_slice() else { panic!("{:?}", done.prices) };
    assert_eq!(price.usd_per_gpu_hour, Decimal::new(405, 3));
    let spread = Spread { min: Decimal::new(31, 2), p10: Some(Decimal::new(32, 2)), offers: 20 };
    assert_eq!(price.spread, Some(spread));
    let listed = normalise(&names(), "vastai", Market::List, &offers, &Rates::new());
    assert_eq!(listed.prices[0].usd_per_gpu_hour, Decimal::new(31, 2), "of a list, the lowest");
}

#[test]
fn unknown_names_are_noted_once_with_an_example() {
    let offer = RawOffer {
        gpus: Gpus::Count(2),
        per: Per::Machine,
        memory_gb: Some(24.0),
        ..RawOffer::new("lambda", "A10 (24 GB PCIe)", usd("1.50"))
    };
    let done = normalise(&names(), "lambda", Market::List, &[offer.clone(), offer], &Rates::new());
    assert_eq!(done.unknown_offers, 2);
    let [unknown] = done.unknown.as_slice() else { panic!("{:?}", done.unknown) };
    assert_eq!((unknown.name.as_str(), unknown.offers), ("A10 (24 GB PCIe)", 2));
    assert_eq!(unknown.example_usd, Some(Decimal::new(75, 2)));
}

#[test]
fn ages_have_bands_and_each_says_why() {
    let of = |minutes| Freshness::of(Duration::from_mins(minutes), false);
    assert_eq!(
        [of(0), of(119), of(120), of(720)],
        [Freshness::Fresh, Freshness::Fresh, Freshness::Stale, Freshness::Stale]
    );
    assert_eq!([of(721), of(1440), of(1441)], [Freshness::Old, Freshness::Old, Freshness::Hidden]);
    let age = Duration::from_mins(30);
    assert_eq!(Freshness::of(age, true), Freshness::Old);
    assert!(Freshness::Old.reason(age, true).contains("lists it no longer, last seen 30 min ago"));
    assert!(Freshness::Old.reason(Duration::from_hours(13), false).contains("13 h ago, more than 12 h"));
    assert!(Freshness::Stale.counts() && !Freshness::Old.counts());
}

#[test]
fn a_jump_is_more_than_five_times_up_or_down() {
    let money = |cents| Decimal::new(cents, 2);
    assert!(!guard::is_jump(money(100), money(500)) && guard::is_jump(money(100), money(501)));
    assert!(!guard::is_jump(money(100), money(20)) && guard::is_jump(money(100), money(19)));
    assert!(guard::is_close(money(100), money(91)) && !guard::is_close(money(100), money(89)));
}

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        any::<f64>().prop_map(|number| Amount::read(&number.to_string())),
        (-100_000_i64..10_000_000).prop_map(|micros| Amount::Number(Decimal::new(micros, 4))),
        any::<i128>().prop_map(|number| Amount::read(&number.to_string())),
        ".{0,12}".prop_map(|text| Amount::read(&text)),
    ]
}

fn any_offer() -> impl Strategy<Value = RawOffer> {
    let name = prop_oneof![
        Just("RTX 4090".to_owned()),
        Just("H100 SXM".to_owned()),
        Just("A100".to_owned()),
        ".{0,20}",
    ];
    let gpus = prop_oneof![
        (0_u32..20).prop_map(Gpus::Count),
        any::<f64>().prop_map(Gpus::Memory),
        Just(Gpus::Slice),
        Just(Gpus::Count(u32::MAX)),
    ];
    let kind = prop_oneof![Just(PriceKind::OnDemand), Just(PriceKind::Spot)];
    let currency = prop_oneof![Just("USD"), Just("EUR"), Just("ZZZ")];
    (
        name,
        gpus,
        any_amount(),
        any::<bool>(),
        kind,
        currency,
        proptest::option::of(any::<f64>()),
        any_amount(),
        any::<bool>(),
    )
        .prop_map(|(name, gpus, price, per_gpu, kind, currency, memory_gb, min, summed)| RawOffer {
            gpus,
            per: if per_gpu { Per::Gpu } else { Per::Machine },
            kind,
            currency: currency.to_owned(),
            memory_gb,
            summed: summed.then_some(Summed { min, offers: 0 }),
            ..RawOffer::new("any", name, price)
        })
}

proptest! {
    #[test]
    fn whatever_comes_in_no_price_is_zero_negative_or_absurd(
        offers in proptest::collection::vec(any_offer(), 0..30), many in any::<bool>(), rate in any_amount(),
    ) {
        let market = if many { Market::Many } else { Market::List };
        let rates = match rate {
            Amount::Number(rate) => Rates::from([("EUR".to_owned(), rate)]),
            Amount::Unreadable(_) => Rates::new(),
        };
        let done = normalise(&names(), "any", market, &offers, &rates);
        let mut series = HashSet::new();
        for price in &done.prices {
            prop_assert!(guard::check(price.usd_per_gpu_hour).is_ok(), "{price:?}");
            prop_assert!(series.insert(&price.series), "a series is there twice");
            if let Some(spread) = &price.spread {
                let p10 = spread.p10.unwrap_or(spread.min);
                prop_assert!(guard::check(spread.min).is_ok());
                prop_assert!(spread.min <= p10 && p10 <= price.usd_per_gpu_hour && spread.offers > 0, "{price:?}");
            }
        }
    }

    #[test]
    fn a_median_is_within_its_prices(mut cents in proptest::collection::vec(1_i64..5000, 1..50)) {
        cents.sort_unstable();
        let sorted: Vec<Decimal> = cents.iter().map(|cents| Decimal::new(*cents, 2)).collect();
        let median = normalise::median(&sorted).unwrap();
        prop_assert!(sorted[0] <= median && median <= sorted[sorted.len() - 1]);
        let below = sorted.iter().filter(|price| **price < median).count();
        prop_assert!(below * 2 <= sorted.len());
    }
}

#[test]
fn texts_of_an_offer_can_be_kept_and_shown_anywhere() {
    let name = format!("\u{1b}[31mH100\0 {}", "x".repeat(100_000));
    let offer =
        RawOffer { regions: vec!["US\n".to_owned()], ..RawOffer::new("lium", name, usd("2")) }.plain();
    assert!(offer.gpu_name.starts_with("[31mH100 xx") && offer.gpu_name.len() == 300, "{}", offer.gpu_name);
    assert_eq!((offer.platform.as_str(), offer.regions), ("lium", vec!["US".to_owned()]));
}
