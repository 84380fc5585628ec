//! Against the plainest way to say the same, over made-up runs.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;

fn run(id: &str) -> Listed {
    Listed {
        id: id.to_owned(),
        run: None,
        pod_id: Some(id.to_owned()),
        status: RunStatus::Succeeded,
        failure_code: None,
        model: "Llama 2 7B".to_owned(),
        llm_id: "llama2:7b".to_owned(),
        parameter_size: "7b".to_owned(),
        engine: "VLLM".to_owned(),
        engine_version: Some("0.24.0".to_owned()),
        image: None,
        precision: Some("bf16".to_owned()),
        gpu: "NVIDIA H200".to_owned(),
        gpu_id: "NVIDIA H200".to_owned(),
        gpu_count: 1,
        server: "Runpod".to_owned(),
        prompt_set: None,
        usd_per_hour: None,
        usd_per_million_output_tokens: None,
        ttft_ms: Some(100.0),
        output_tokens_per_second: Some(1000.0),
        inter_token_latency_ms: Some(10.0),
        request_latency_s: Some(1.0),
        measured_at: DateTime::from_timestamp(1_795_500_000, 0).unwrap(),
    }
}

fn asked(facet: Facet, values: &[&str]) -> Query {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Query { facets: [(facet, values)].into(), ..Query::default() }
}

fn ids(index: &Index, query: &Query) -> Vec<String> {
    let found = index.find(query);
    let mut ids: Vec<String> = index.runs(&found).map(|run| run.id.clone()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_value_means_what_is_called_so_and_else_what_has_it_within() {
    let h100 = |id: &str, gpu: &str| Listed { gpu: gpu.to_owned(), gpu_id: gpu.to_owned(), ..run(id) };
    let index = Index::new(vec![
        h100("a", "NVIDIA H100 NVL"),
        h100("b", "NVIDIA H100 80GB HBM3"),
        h100("c", "NVIDIA H200"),
        Listed { gpu_id: "H200 SXM".to_owned(), ..h100("d", "NVIDIA H200") },
    ]);
    assert_eq!(ids(&index, &asked(Facet::Gpu, &["h100"])), ["a", "b"]);
    assert_eq!(ids(&index, &asked(Facet::Gpu, &["nvidia h100 nvl"])), ["a"], "not its like");
    assert_eq!(ids(&index, &asked(Facet::Gpu, &["h200 sxm"])), ["c", "d"], "one GPU under two names");
    assert_eq!(ids(&index, &asked(Facet::Gpu, &["NVIDIA H100 NVL", "h200"])), ["a", "c", "d"]);
    assert_eq!(ids(&index, &asked(Facet::Engine, &["vllm"])).len(), 4);
    assert!(ids(&index, &asked(Facet::Engine, &["tgi"])).is_empty());
}

#[test]
fn what_nobody_knows_can_be_asked_for_and_is_in_no_range() {
    let index = Index::new(vec![run("a"), Listed { engine_version: None, ttft_ms: None, ..run("b") }]);
    assert_eq!(ids(&index, &asked(Facet::EngineVersion, &["unknown"])), ["b"]);
    let any = Query { ranges: [(Metric::Ttft, Range::default())].into(), ..Query::default() };
    assert_eq!(ids(&index, &any), ["a"]);
}

#[test]
fn a_frontier_is_what_no_other_point_is_better_than() {
    let points = [(1.0, 9.0), (2.0, 7.0), (2.0, 8.0), (3.0, 8.0), (4.0, 1.0), (4.0, 1.0)];
    assert_eq!(pareto(&points, false), [true, false, false, true, true, true]);
    assert_eq!(pareto(&[(1.0, 0.5), (2.0, 0.4), (3.0, 0.6)], true), [false, true, true], "cheaper is better");
    assert!(pareto(&[], false).is_empty());
}

#[test]
fn only_a_version_that_is_known_before_and_after_has_changed() {
    let version = |version: Option<&str>| Listed { engine_version: version.map(str::to_owned), ..run("a") };
    assert_eq!(changes(&version(Some("1")), &version(Some("2"))), [Change::EngineVersion]);
    for (from, to) in [(None, Some("2")), (Some("1"), None), (Some("1"), Some("1"))] {
        assert!(changes(&version(from), &version(to)).is_empty());
    }
}

prop_compose! {
    fn listed()(
        model in 0..3, engine in 0..3, gpu_count in 0..3, is_known in any::<bool>(), day in 0..4,
        ttft in proptest::option::of(0_u32..50), tps in proptest::option::of(0_u32..6),
    ) -> Listed {
        Listed {
            model: format!("Model {model}"),
            engine: format!("Engine {engine}"),
            engine_version: is_known.then(|| "1.0".to_owned()),
            gpu_count,
            ttft_ms: ttft.map(f64::from),
            output_tokens_per_second: tps.map(f64::from),
            measured_at: DateTime::from_timestamp(1_795_500_000 + i64::from(day) * 86_400, 0).unwrap(),
            ..run("")
        }
    }
}

prop_compose! {
    fn runs()(mut runs in proptest::collection::vec(listed(), 0..60)) -> Vec<Listed> {
        for (number, run) in runs.iter_mut().enumerate() {
            run.id = format!("pod-{:02}", (number * 37) % 60);
        }
        runs
    }
}

prop_compose! {
    fn query()(
        model in proptest::option::of(0..3), engines in proptest::collection::vec(0..3, 0..3),
        min in proptest::option::of(0_u32..50), since in proptest::option::of(0..4),
    ) -> Query {
        let mut query = Query::default();
        query.facets.extend(model.map(|model| (Facet::Model, vec![format!("model {model}")])));
        if !engines.is_empty() {
            query.facets.insert(Facet::Engine, engines.iter().map(|engine| format!("ENGINE {engine}")).collect());
        }
        query.ranges.extend(min.map(|min| (Metric::Ttft, Range { min: Some(min.into()), max: None })));
        query.since = since.and_then(|day| DateTime::from_timestamp(1_795_500_000 + i64::from(day) * 86_400, 0));
        query
    }
}

/// What a query means, said plainly.
fn is_meant(run: &Listed, query: &Query) -> bool {
    query.since.is_none_or(|since| run.measured_at >= since)
        && query.ranges.iter().all(|(metric, range)| range.holds(metric.of(run)))
        && query
            .facets
            .iter()
            .all(|(facet, values)| values.iter().any(|value| facet.of(run).eq_ignore_ascii_case(value)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_found_and_counted_is_what_the_filters_say((runs, query) in (runs(), query())) {
        let index = Index::new(runs.clone());
        let found = index.find(&query);
        let expected: Vec<&Listed> = runs.iter().filter(|run| is_meant(run, &query)).collect();
        prop_assert_eq!(index.runs(&found).collect::<Vec<_>>(), expected);
        for facet in Facet::ALL {
            let mut others = query.clone();
            others.facets.remove(&facet);
            for FacetCount { value, count, .. } in index.facet(&found, facet, 100) {
                let plain = runs.iter().filter(|run| facet.of(run) == value && is_meant(run, &others)).count();
                prop_assert_eq!(count as usize, plain, "{:?} {}", facet, value);
            }
        }
        let mut unbounded = query;
        unbounded.ranges.clear();
        let figures: Vec<f64> =
            runs.iter().filter(|run| is_meant(run, &unbounded)).filter_map(|run| run.ttft_ms).collect();
        let span = found.span(Metric::Ttft);
        prop_assert_eq!(span.known as usize, figures.len());
        prop_assert_eq!(span.bounds.map(|(min, _)| min), figures.iter().copied().reduce(f64::min));
        prop_assert_eq!(span.bounds.map(|(_, max)| max), figures.into_iter().reduce(f64::max));
    }

    #[test]
    fn pages_hold_every_run_once_in_order(
        (runs, key, descending, limit) in (runs(), 0..SortKey::ALL.len(), any::<bool>(), 1_usize..9)
    ) {
        let index = Index::new(runs);
        let sort = Sort { key: SortKey::ALL[key], descending };
        let found = index.find(&Query::default());
        let all = index.page(&found, sort, None, usize::MAX - 1).0;
        prop_assert_eq!(all.len(), index.len());
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let (page, has_more) = index.page(&found, sort, after.as_ref(), limit);
            prop_assert!(page.len() <= limit);
            after = page.last().map(|run| Place::of(run, sort));
            walked.extend(page);
            if !has_more {
                break;
            }
        }
        prop_assert_eq!(&walked, &all);
        let figures: Vec<Option<f64>> = all.iter().map(|run| Place::of(run, sort).figure).collect();
        let is_in_order = figures.windows(2).all(|pair| match (pair[0], pair[1]) {
            (Some(a), Some(b)) => if descending { a >= b } else { a <= b },
            (None, Some(_)) => false,
            _ => true,
        });
        prop_assert!(is_in_order, "{:?}", figures);
    }

    #[test]
    fn a_point_is_on_the_frontier_if_and_only_if_no_other_beats_it(
        points in proptest::collection::vec((0_u8..9, 0_u8..9), 0..30)
    ) {
        let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (x.into(), y.into())).collect();
        for (point, on) in points.iter().zip(pareto(&points, false)) {
            let beaten = points.iter().any(|other| {
                other.0 >= point.0 && other.1 >= point.1 && other != point
            });
            prop_assert_eq!(on, !beaten, "{:?} of {:?}", point, points);
        }
    }
}
