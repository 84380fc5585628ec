//! What holds whatever is asked of whichever model and card.

use proptest::prelude::*;

use super::*;

fn models() -> Vec<Shape> {
    Catalog::embedded().unwrap().models().iter().filter_map(|model| Shape::of(model).ok()).collect()
}

fn cards() -> Vec<Gpu> {
    let catalog = Catalog::embedded().unwrap();
    catalog.gpus().iter().filter(|gpu| gpu.alias_of.is_none()).cloned().collect()
}

/// A case: model, card, options.
fn any_case() -> impl Strategy<Value = (Shape, Gpu, Options)> {
    let options =
        (0..Precision::ALL.len(), 1_u32..200_000, 1_u32..2_000, 0.1..1.0_f64, any::<bool>(), any::<bool>());
    (0..models().len(), 0..cards().len(), options).prop_map(
        |(model, card, (precision, context_tokens, concurrency, memory_share, window_credit, fp8))| {
            let model = models()[model].clone();
            let options = Options {
                precision: Precision::ALL[precision],
                kv_precision: if fp8 { KvPrecision::Fp8 } else { KvPrecision::Bits16 },
                context_tokens,
                concurrency,
                memory_share,
                window_credit,
                max_count: 8,
            };
            (model, cards()[card].clone(), options)
        },
    )
}

fn total(model: &Shape, options: &Options, count: u32) -> f64 {
    need(model, options, 80, count).total_gib()
}

proptest! {
    #[test]
    fn more_tokens_or_requests_never_need_less((model, _, options) in any_case(), more in 1_u32..50_000) {
        let longer = Options { context_tokens: options.context_tokens + more, ..options };
        let busier = Options { concurrency: options.concurrency + more, ..options };
        for count in COUNTS {
            let now = total(&model, &options, count);
            prop_assert!(total(&model, &longer, count) >= now && total(&model, &busier, count) > now);
        }
    }

    #[test]
    fn more_gpus_never_need_more_of_each_but_for_their_exchange((model, _, options) in any_case()) {
        for pair in COUNTS.windows(2) {
            let (few, many) = (need(&model, &options, 80, pair[0]), need(&model, &options, 80, pair[1]));
            prop_assert!(many.weights_gib < few.weights_gib && many.kv_gib <= few.kv_gib);
        }
    }

    #[test]
    fn a_window_never_costs_and_a_smaller_cache_never_needs_more((model, _, options) in any_case()) {
        let with = Options { window_credit: true, ..options };
        let without = Options { window_credit: false, ..options };
        prop_assert!(total(&model, &with, 1) <= total(&model, &without, 1));
        let small = Options { kv_precision: KvPrecision::Fp8, ..options };
        let whole = Options { kv_precision: KvPrecision::Bits16, ..options };
        prop_assert!(total(&model, &small, 1) <= total(&model, &whole, 1));
    }

    #[test]
    fn a_verdict_is_a_count_that_holds_or_a_reason((model, card, options) in any_case()) {
        let verdict = fit(&model, &card, &options);
        match verdict.fits {
            Some(found) => {
                prop_assert!(found.spare_gib >= 0.0 && found.need.total_gib() <= found.available_gib);
                prop_assert!(found.max_requests >= options.concurrency);
                prop_assert_eq!(place(&model, &card, &options, found.count), Ok(found));
                let fewer: Vec<_> = COUNTS.into_iter().filter(|count| *count < found.count).map(Some).collect();
                prop_assert_eq!(verdict.rejections.iter().map(|why| why.count).collect::<Vec<_>>(), fewer);
            }
            None => prop_assert!(!verdict.rejections.is_empty()),
        }
        for rejection in &verdict.rejections {
            prop_assert!(!rejection.words.contains("NaN") && !rejection.words.contains("inf"), "{}", rejection.words);
        }
    }

    #[test]
    fn any_text_is_a_shape_or_an_error_and_never_a_panic(text in "\\PC{0,200}") {
        let _ = Shape::from_config("x", &text, None, None);
        let _ = text.parse::<Parameters>();
    }
}
