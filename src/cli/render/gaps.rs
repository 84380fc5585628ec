//! The gaps between tokens, each counted, as bars.

use crate::{
    domain::measure::{gaps::GapHistogram, summary::LevelSummary},
    report::{figure, in_order, name, number},
};

/// Bars from the shortest to the longest gap, one character a bucket.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Buckets of the widest histogram that is drawn: what is beyond is in its last bar.
const WIDEST: usize = 40;

/// One line a level: range, bars, percentiles of the gaps; empty where no level has any.
#[must_use]
pub fn gap_histograms(levels: &[LevelSummary]) -> String {
    let lines: Vec<String> = in_order(levels)
        .into_iter()
        .filter_map(|level| {
            let gaps = level.itl_histogram.as_ref()?;
            let (first, last) = (gaps.buckets.first()?.0, gaps.buckets.last()?.0);
            Some(format!(
                "{:<13} {:>7} gaps  p50 {}  p90 {}  p95 {}  p99 {}  ≤{} {} ≤{}",
                name(level),
                gaps.n,
                figure(gaps.p50),
                figure(gaps.p90),
                figure(gaps.p95),
                figure(gaps.p99),
                number(first),
                bars(gaps),
                number(last)
            ))
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "every gap between two events, ms (a bar is a quarter wider than the one before)\n{}",
        lines.join("\n")
    )
}

/// One bar a bucket, empty ones between included; heights by the square root, so that the few long gaps show.
fn bars(gaps: &GapHistogram) -> String {
    let counts = gaps.bars(WIDEST);
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let bar = |count: &u64| match *count {
        0 => ' ',
        count => {
            let height = ((count as f64 / most).sqrt() * 7.0).round() as usize;
            BARS.get(height.min(7)).copied().unwrap_or('█')
        }
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stands_for_each_bucket_and_a_space_for_an_empty_one() {
        let gaps = GapHistogram {
            unit: "ms".to_owned(),
            buckets: vec![(1.0, 100), (1.25, 25), (2.0, 1)],
            n: 126,
            p50: Some(0.9),
            p90: None,
            p95: None,
            p99: None,
        };
        assert_eq!(bars(&gaps), "█▅ ▂");
    }
}
