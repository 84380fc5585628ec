//! Percentiles, intervals and the support rule.

use proptest::prelude::*;

use super::*;

fn spread(samples: &[f64]) -> Distribution {
    distribution(samples.to_vec(), 1.0, 42)
}

#[test]
fn quantiles_interpolate_between_the_two_nearest_samples() {
    let sorted = [10.0, 20.0, 30.0, 40.0];
    assert_eq!(quantile(&sorted, 0.5), Some(25.0));
    assert_eq!(quantile(&sorted, 0.0), Some(10.0));
    assert_eq!(quantile(&sorted, 1.0), Some(40.0));
    assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn nearest_rank_is_a_sample_and_the_greatest_where_there_are_few() {
    let lags: Vec<u64> = (1..=200).collect();
    assert_eq!(nearest_rank(&lags, 0.99), Some(198));
    assert_eq!(nearest_rank(&lags[..99], 0.99), Some(99));
    assert_eq!(nearest_rank(&lags[..1], 0.5), Some(1));
    assert_eq!(nearest_rank(&[], 0.99), None);
}

#[test]
fn a_percentile_is_shown_from_the_sample_that_supports_it() {
    let first = |shown: fn(&Distribution) -> Option<f64>| {
        (1..=700).find(|n| shown(&spread(&vec![1.0; *n])).is_some()).unwrap()
    };
    assert_eq!(first(|d| d.p50), 1);
    assert_eq!(first(|d| d.p90), 64);
    assert_eq!(first(|d| d.p95), 130);
    assert_eq!(first(|d| d.p99), 662);
}

#[test]
fn the_support_rule_is_two_samples_beyond_the_percentile_with_99_per_cent() {
    // P(fewer than two of n beyond quantile q) = qⁿ + n (1 − q) qⁿ⁻¹ must be at most 1 % at the bound, more below.
    let risk = |n: usize, q: f64| q.powf(n as f64) + n as f64 * (1.0 - q) * q.powf(n as f64 - 1.0);
    for (least, q) in [(SUPPORT_P90, 0.90), (SUPPORT_P95, 0.95), (SUPPORT_P99, 0.99)] {
        assert!(risk(least, q) <= 0.01 && risk(least - 1, q) > 0.01, "{least} for {q}");
    }
}

#[test]
fn a_spread_is_published_in_its_own_unit() {
    let d = distribution(vec![1_000.0, 2_000.0, 6_000.0], US_PER_MS, 1);
    assert_eq!((d.n, d.mean, d.p50, d.min, d.max), (3, Some(3.0), Some(2.0), Some(1.0), Some(6.0)));
    assert!((d.stddev.unwrap() - 7.0_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn nothing_has_no_spread_and_one_sample_has_no_interval() {
    let none = spread(&[]);
    assert_eq!(
        (none.n, none.mean, none.p50, none.min, none.stddev, none.ci95),
        (0, None, None, None, None, None)
    );
    let one = spread(&[5.0]);
    assert_eq!(
        (one.mean, one.p50, one.stddev, one.ci95, one.p50_ci95),
        (Some(5.0), Some(5.0), None, None, None)
    );
}

#[test]
fn equal_samples_have_an_interval_of_no_width() {
    let d = spread(&[0.1; 10]);
    assert_eq!((d.mean, d.ci95, d.p50_ci95), (Some(0.1), Some([0.1, 0.1]), Some([0.1, 0.1])));
}

#[test]
fn another_seed_gives_another_interval_of_the_same_mean() {
    let samples: Vec<f64> = (0..50).map(f64::from).collect();
    let (a, b) = (distribution(samples.clone(), 1.0, 1), distribution(samples, 1.0, 2));
    assert_eq!(a.mean, b.mean);
    assert_ne!(a.ci95, b.ci95);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_figure_lies_within_the_sample(samples in proptest::collection::vec(0_u32..5_000_000, 2..700)) {
        let d = spread(&samples.iter().map(|us| f64::from(*us)).collect::<Vec<_>>());
        let (min, max) = (d.min.unwrap(), d.max.unwrap());
        let figures = [d.mean, d.p50, d.p90, d.p95, d.p99].into_iter().flatten();
        for figure in figures.chain(d.ci95.into_iter().flatten()).chain(d.p50_ci95.into_iter().flatten()) {
            prop_assert!((min..=max).contains(&figure), "{figure} outside {min}…{max}");
        }
        let ladder: Vec<f64> = [d.p50, d.p90, d.p95, d.p99].into_iter().flatten().collect();
        prop_assert!(ladder.is_sorted(), "{ladder:?}");
        let [low, high] = d.ci95.unwrap();
        prop_assert!(low <= high && d.stddev.unwrap() >= 0.0);
    }

    #[test]
    fn the_order_of_the_samples_leaves_no_trace(
        (samples, shuffled) in proptest::collection::vec(0.0_f64..1e7, 0..100)
            .prop_flat_map(|samples| (Just(samples.clone()), Just(samples).prop_shuffle()))
    ) {
        prop_assert_eq!(spread(&samples), spread(&shuffled));
    }
}
