//! Warm-up that ends by itself and windows that last until a figure is known well, against the truth server.

use std::time::Duration;

use dria_bench::{
    domain::{
        kinds::EngineKind,
        measure::{
            record::{LevelRecords, LoadShape},
            steady::{SteadyRule, SteadyState},
            summarise,
            until::Until,
        },
    },
    loadgen::{Calibration, LevelPlan, Progress, PromptSet, Target, run_level},
    truth::{Settings, TruthServer, serve},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

async fn truth() -> TruthServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ttft, itl) = (Duration::from_millis(10), Duration::from_millis(5));
    serve(Settings { ttft, itl, ..Settings::default() }, listener).await.unwrap()
}

/// Two streams, 8 output tokens: some 50 ms a request.
fn plan(seconds: f64) -> LevelPlan {
    LevelPlan { warmup_seconds: 0.0, ..LevelPlan::new(LoadShape::Closed { streams: 2 }, seconds, 16, 8, 42) }
}

async fn measure(plan: &LevelPlan) -> (LevelRecords, Option<SteadyState>) {
    let server = truth().await;
    let target = Target::new(server.url().parse().unwrap(), EngineKind::Truth, "truth");
    let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());
    let (sender, progress) = watch::channel(Progress::default());
    let level = run_level(&target, plan, &prompts, sender, CancellationToken::new()).await.unwrap();
    let steady = progress.borrow().steady;
    (level, steady)
}

#[tokio::test]
async fn warm_up_ends_when_throughput_is_steady_and_the_window_begins_there() {
    let plan = LevelPlan { steady: Some(SteadyRule::from_minimum(1.0)), ..plan(0.5) };
    let (level, steady) = measure(&plan).await;
    let window_s = level.window.start_us as f64 / 1e6;
    assert!((1.0..=10.0).contains(&window_s), "at least its minimum, at most ten times it: {window_s}");
    // On a machine with other work the throughput may not be steady at all; then the whole time was spent.
    match steady {
        Some(state) => {
            assert!(state.reached && state.from_s <= state.known_s / 2.0, "{state:?}");
            assert!((state.known_s - window_s).abs() < 1e-6, "{state:?} and {window_s}");
        }
        None => assert!((window_s - 10.0).abs() < 1e-6, "{window_s}"),
    }
}

#[tokio::test]
async fn a_steady_state_that_nothing_can_be_is_given_up_at_the_maximum_and_not_claimed() {
    let never = SteadyRule { min_seconds: 0.2, max_seconds: 1.0, tolerance: -1.0 };
    let (level, steady) = measure(&LevelPlan { steady: Some(never), ..plan(0.3) }).await;
    assert_eq!((level.window.start_us, steady), (1_000_000, None));
}

#[tokio::test]
async fn a_window_that_is_known_well_enough_ends_and_one_that_is_not_lasts_its_maximum() {
    let easy: Until = "ci=100%,max=20s".parse().unwrap();
    let (level, _) = measure(&LevelPlan { until: Some(easy), ..plan(0.6) }).await;
    let mut summary = summarise(&level);
    summary.judge(Some(easy));
    assert!(level.window.length_us() < 20_000_000, "it ended before its maximum");
    assert!(summary.until.unwrap().reached, "{:?}", summary.precision);

    let hard: Until = "ci=0.01%,max=1.5s,metric=ttft".parse().unwrap();
    let (level, _) = measure(&LevelPlan { until: Some(hard), ..plan(0.6) }).await;
    let mut summary = summarise(&level);
    summary.judge(Some(hard));
    assert_eq!(level.window.length_us(), 1_500_000);
    assert!(!summary.until.unwrap().reached);
}
