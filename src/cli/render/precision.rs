//! How sure a level's figures are, and whether it was measured for as long as was asked.

use super::plain_table;
use crate::{
    domain::measure::{batches::BatchMeans, record::Window, steady::SteadyState, summary::LevelSummary},
    report::{in_order, name, number},
};

/// One row a level: throughput and time to first token with the interval that their batch means give; empty where no level
/// is long enough to have one.
#[must_use]
pub fn precision_table(levels: &[LevelSummary]) -> String {
    let known = |level: &&LevelSummary| {
        level.precision.output_tokens_per_second.is_some() || level.precision.time_to_first_token_ms.is_some()
    };
    let levels: Vec<_> = in_order(levels).into_iter().filter(known).collect();
    if levels.is_empty() {
        return String::new();
    }
    let rows = levels.into_iter().map(|level| {
        [
            name(level),
            in_words(level.precision.output_tokens_per_second),
            in_words(level.precision.time_to_first_token_ms),
            level.until.map_or_else(
                || "-".to_owned(),
                |until| format!("{}: {}", until.asked, if until.reached { "reached" } else { "not reached" }),
            ),
        ]
    });
    plain_table(["by 20 batches", "output tokens/s", "TTFT ms", "measured until"], rows)
}

fn in_words(means: Option<BatchMeans>) -> String {
    means.map_or_else(
        || "-".to_owned(),
        |means| {
            let share = means.half_width_share.map(|share| format!(" ± {:.1} %", share * 100.0));
            format!("{}{}", number(means.mean), share.unwrap_or_default())
        },
    )
}

/// When warm-up ended, and why.
#[must_use]
pub fn steady_in_words(found: Option<SteadyState>, window: Window) -> String {
    match found {
        Some(state) => format!(
            "warm-up: throughput steady from {:.2} s on, known at {:.2} s",
            state.from_s, state.known_s
        ),
        None => format!(
            "warm-up: no steady state in {:.2} s; measured all the same, so read the figures with care",
            window.start_us as f64 / 1e6
        ),
    }
}
