//! Against published tables, and what must hold for any samples.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{rank::cumulative, *};

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn critical_values_of_u_are_those_of_the_published_tables() {
    // Two-sided, α = 0.05: the greatest U that is significant, by n and m.
    for (n, m, critical) in
        [(4, 4, 0), (5, 5, 2), (5, 8, 6), (7, 7, 8), (10, 10, 23), (10, 15, 39), (15, 15, 64), (20, 20, 127)]
    {
        let below = cumulative(n, m).iter().take_while(|p| 2.0 * **p <= 0.05).count();
        assert_eq!(below, critical + 1, "n = {n}, m = {m}");
    }
    assert!(cumulative(3, 3)[0] * 2.0 > 0.05, "three against three can never be significant");
}

#[test]
fn a_textbook_example_comes_out_as_printed() {
    // Siegel and Castellan's kind of example, counted by hand: every b is above every a but one pair.
    let test = mann_whitney(&[1.0, 2.0, 3.0, 5.0], &[4.0, 6.0, 7.0, 8.0]).unwrap();
    assert!(near(test.u, 15.0));
    // Two of the 70 arrangements have U ≤ 1 on one side.
    assert!(near(test.p, 4.0 / 70.0), "{}", test.p);
    assert!(near(test.superiority, 15.0 / 16.0));
}

#[test]
fn the_approximation_meets_the_count_where_one_hands_over_to_the_other() {
    let side = |offset: f64| (0..20).map(|i| f64::from(i) + offset).collect::<Vec<_>>();
    let (a, b) = (side(0.0), side(4.5));
    let exact = mann_whitney(&a, &b).unwrap().p;
    let mut longer = a.clone();
    longer.push(9.75);
    let approximate = mann_whitney(&longer, &b).unwrap().p;
    assert!((exact - approximate).abs() < 0.01, "{exact} and {approximate}");
}

#[test]
fn equal_samples_do_not_differ_and_nothing_says_nothing() {
    let equal = compare(&Evidence::Samples(vec![5.0; 30]), &Evidence::Samples(vec![5.0; 40])).unwrap();
    assert_eq!((equal.p, equal.difference, equal.superiority), (1.0, 0.0, Some(0.5)));
    assert_eq!(compare(&Evidence::Samples(vec![]), &Evidence::Samples(vec![1.0])), None);
}

#[test]
fn the_shift_is_the_median_of_all_differences() {
    let found = shift(&[1.0, 4.0, 6.0], &[10.0, 11.0]).unwrap();
    // 4, 5, 6, 7, 9, 10
    assert!(near(found.estimate, 6.5));
    assert_eq!(found.ci95, None, "three against two have no interval of 95 %");
}

#[test]
fn welchs_test_comes_out_as_printed() {
    // n = 15 and 15, means 20.6 and 22.135, variances 7.9 and 3.8…: a common worked example of unequal variances.
    let a = Moments { n: 10, mean: 20.0, stddev: 4.0 };
    let b = Moments { n: 20, mean: 23.0, stddev: 2.0 };
    let found = compare(&Evidence::Moments(a), &Evidence::Moments(b)).unwrap();
    // t = 3 ÷ √1.8 = 2.2361; degrees 1.8² ÷ (1.6² ÷ 9 + 0.2² ÷ 19) = 11.307.
    assert!((found.p - 0.046_6).abs() < 0.000_5, "{}", found.p);
    let [low, high] = found.ci95.unwrap();
    assert!(low > 0.0 && near(f64::midpoint(low, high), 3.0), "{low} {high}");
    let flat = Moments { n: 5, mean: 1.0, stddev: 0.0 };
    assert!(near(compare(&Evidence::Moments(flat), &Evidence::Moments(flat)).unwrap().p, 1.0));
}

#[test]
fn holms_correction_is_that_of_the_published_example() {
    let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
    let expected = [0.03, 0.06, 0.06, 0.02];
    assert!(corrected.iter().zip(expected).all(|(a, b)| near(*a, b)), "{corrected:?}");
    assert!(holm(&[]).is_empty());
}

/// Samples as latencies are: skewed, with a tail.
fn skewed(random: &mut SmallRng, n: usize) -> Vec<f64> {
    (0..n).map(|_| 50.0 - 20.0 * (1.0 - random.random::<f64>()).ln()).collect()
}

#[test]
fn equal_sides_raise_a_false_alarm_no_more_often_than_stated() {
    let mut random = SmallRng::seed_from_u64(11);
    for (n, m) in [(8, 12), (40, 60)] {
        let (mut ranks, mut moments) = (0, 0);
        for _ in 0..600 {
            let (a, b) = (skewed(&mut random, n), skewed(&mut random, m));
            ranks += u32::from(mann_whitney(&a, &b).unwrap().p <= ALPHA);
            moments +=
                u32::from(by_moments(Moments::of(&a).unwrap(), Moments::of(&b).unwrap()).unwrap().p <= ALPHA);
        }
        // 30 expected of 600; three standard deviations are 16.
        assert!(ranks <= 46 && moments <= 46, "{n} against {m}: {ranks} and {moments} of 600");
    }
}

#[test]
fn ten_equal_comparisons_raise_a_false_alarm_no_more_often_than_one() {
    let mut random = SmallRng::seed_from_u64(12);
    let alarms = (0..300)
        .filter(|_| {
            let p: Vec<f64> = (0..10)
                .map(|_| mann_whitney(&skewed(&mut random, 25), &skewed(&mut random, 20)).unwrap().p)
                .collect();
            holm(&p).iter().any(|p| *p <= ALPHA)
        })
        .count();
    assert!(alarms <= 27, "{alarms} of 300");
}

#[test]
fn the_interval_of_the_shift_covers_the_true_one_about_nineteen_times_in_twenty() {
    let mut random = SmallRng::seed_from_u64(13);
    for (n, m) in [(10, 12), (30, 50)] {
        let covered = (0..400)
            .filter(|_| {
                let a = skewed(&mut random, n);
                let b: Vec<f64> = skewed(&mut random, m).into_iter().map(|value| value + 7.0).collect();
                let [low, high] = shift(&a, &b).unwrap().ci95.unwrap();
                (low..=high).contains(&7.0)
            })
            .count();
        assert!((364..=396).contains(&covered), "{n} against {m}: {covered} of 400");
    }
}

#[test]
fn a_shift_between_a_hundred_thousand_samples_is_found_without_writing_out_their_pairs() {
    let mut random = SmallRng::seed_from_u64(14);
    let a = skewed(&mut random, 100_000);
    let b: Vec<f64> = skewed(&mut random, 100_000).into_iter().map(|value| value + 1.0).collect();
    let found = compare(&Evidence::Samples(a), &Evidence::Samples(b)).unwrap();
    assert!(found.p < 1e-6 && (found.difference - 1.0).abs() < 0.2, "{found:?}");
}

fn samples() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec((1_u32..500).prop_map(f64::from), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_the_sides_changes_only_the_sign((a, b) in (samples(), samples())) {
        let there = compare(&Evidence::Samples(a.clone()), &Evidence::Samples(b.clone())).unwrap();
        let back = compare(&Evidence::Samples(b), &Evidence::Samples(a)).unwrap();
        prop_assert!(near(there.p, back.p));
        prop_assert!(near(there.difference, -back.difference));
        prop_assert!(near(there.superiority.unwrap() + back.superiority.unwrap(), 1.0));
        prop_assert_eq!(there.ci95.map(|[low, high]| [-high, -low]), back.ci95);
    }

    #[test]
    fn only_ranks_count_in_the_test((a, b) in (samples(), samples())) {
        let stretched = |sample: &[f64]| sample.iter().map(|value| value.sqrt().ln_1p()).collect::<Vec<_>>();
        let plain = mann_whitney(&a, &b).unwrap();
        prop_assert_eq!(plain, mann_whitney(&stretched(&a), &stretched(&b)).unwrap());
        prop_assert!((0.0..=1.0).contains(&plain.p));
    }

    #[test]
    fn a_kth_difference_is_the_one_that_sorting_all_would_give((a, b) in (samples(), samples())) {
        let mut all: Vec<f64> = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
        all.sort_by(f64::total_cmp);
        let middle = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
        let found = shift(&a, &b).unwrap();
        prop_assert!(near(found.estimate, middle));
        if let Some([low, high]) = found.ci95 {
            prop_assert!(low <= found.estimate && found.estimate <= high);
        }
    }

    #[test]
    fn corrected_p_values_are_never_smaller_and_keep_their_order(p in proptest::collection::vec(0.0_f64..=1.0, 0..12)) {
        let corrected = holm(&p);
        for i in 0..p.len() {
            prop_assert!(corrected[i] >= p[i] && corrected[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || corrected[i] <= corrected[j]);
            }
        }
    }
}
