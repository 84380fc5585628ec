//! How far the numbers can be trusted: what the client measured of itself, and every gap between tokens as a histogram.

use std::fmt::Write;

use super::html::{each, text};
use crate::{
    domain::measure::gaps::GapHistogram,
    report::{INSTRUMENT_COLUMNS, RunReport, figure, in_order, instrument_row, name, number},
};

/// A histogram's drawing, in its own units.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 120.0;
const BOTTOM: f64 = HEIGHT - 24.0;

/// Bars of the widest histogram: what is beyond is in its last one.
const WIDEST: usize = 40;

/// One row a level of what the client says of itself; empty without results.
pub(super) fn instrument(report: &RunReport) -> String {
    let levels = report.summaries();
    if levels.is_empty() {
        return String::new();
    }
    let head =
        each(INSTRUMENT_COLUMNS, |heading| format!("<th scope=\"col\">{}</th>", heading.replace('\n', " ")));
    let rows = each(in_order(&levels), |level| {
        let [name, cells @ ..] = instrument_row(level);
        let cells = each(cells, |cell| format!("<td>{}</td>", text(cell)));
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", text(name))
    });
    format!(
        "<section aria-labelledby=\"instrument\">\n<h2 id=\"instrument\">The instrument on itself</h2>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"instrument-caption\" tabindex=\"0\">\n<table>\n\
         <caption id=\"instrument-caption\">What the client measured of itself during each level. Send lag: how late it \
         sent. Arrivals bundled: those of several events at once. Little's law: how far requests in flight are from their \
         rate times their latency.</caption>\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n</section>\n"
    )
}

/// A histogram a level; empty where no level has gaps.
pub(super) fn gaps(report: &RunReport) -> String {
    let levels = report.summaries();
    let with_gaps: Vec<(String, &GapHistogram)> = in_order(&levels)
        .into_iter()
        .filter_map(|level| Some((name(level), level.itl_histogram.as_ref()?)))
        .collect();
    if with_gaps.is_empty() {
        return String::new();
    }
    let figures = each(&with_gaps, |(name, gaps)| figure_of(name, gaps));
    let rows = each(&with_gaps, |(name, gaps)| {
        let cells = each([gaps.p50, gaps.p90, gaps.p95, gaps.p99], |p| format!("<td>{}</td>", figure(p)));
        format!("<tr><th scope=\"row\">{}</th><td>{}</td>{cells}</tr>\n", text(name), gaps.n)
    });
    format!(
        "<section aria-labelledby=\"gaps\">\n<h2 id=\"gaps\">Gaps between tokens</h2>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"gaps-caption\" tabindex=\"0\">\n<table>\n\
         <caption id=\"gaps-caption\">Every gap between two events of an answer, ms: lower is better. A dash: too few gaps \
         for that percentile.</caption>\n\
         <thead><tr><th scope=\"col\">Benchmark</th><th scope=\"col\">n</th><th scope=\"col\">p50</th>\
         <th scope=\"col\">p90</th><th scope=\"col\">p95</th><th scope=\"col\">p99</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n\
         <details>\n<summary>Their histograms</summary>\n<div class=\"charts\">\n{figures}</div>\n</details>\n</section>\n"
    )
}

fn figure_of(name: &str, gaps: &GapHistogram) -> String {
    let id = format!("gaps-{}", name.replace(' ', "-"));
    let (name, n) = (text(name), gaps.n);
    format!(
        "<figure>\n<figcaption>{name}<small>{n} gaps, ms. Each bar is a quarter wider than the one before; heights by the \
         square root.</small></figcaption>\n\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">Gaps between tokens, {name}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{}</svg>\n</figure>\n",
        in_words(gaps),
        bars(gaps)
    )
}

/// Every bucket in words.
fn in_words(gaps: &GapHistogram) -> String {
    let buckets: Vec<String> = gaps
        .buckets
        .iter()
        .map(|(upper_ms, count)| format!("{count} up to {} ms", number(*upper_ms)))
        .collect();
    format!("{}.", buckets.join(", "))
}

fn bars(gaps: &GapHistogram) -> String {
    let (Some((first_ms, _)), Some((last_ms, _))) = (gaps.buckets.first(), gaps.buckets.last()) else {
        return String::new();
    };
    let counts = gaps.bars(WIDEST);
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let step = WIDTH / counts.len().max(1) as f64;
    let mut drawn = format!("<path class=\"grid\" d=\"M0 {BOTTOM}H{WIDTH}\"/>\n");
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 / most).sqrt() * (BOTTOM - 6.0);
        let _ = writeln!(
            drawn,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
            place as f64 * step + 1.0,
            BOTTOM - height,
            (step - 2.0).max(1.0)
        );
    }
    let y = HEIGHT - 6.0;
    let _ = writeln!(
        drawn,
        "<text x=\"0\" y=\"{y}\">≤ {} ms</text><text class=\"y\" x=\"{WIDTH}\" y=\"{y}\">≤ {} ms</text>",
        number(*first_ms),
        number(*last_ms)
    );
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stands_for_each_bucket_and_the_words_hold_every_count() {
        let gaps = GapHistogram {
            unit: "ms".to_owned(),
            buckets: vec![(1.0, 100), (1.25, 25), (2.0, 1)],
            n: 126,
            p50: Some(0.9),
            p90: None,
            p95: None,
            p99: None,
        };
        let figure = figure_of("concurrent 4", &gaps);
        assert_eq!(figure.matches("<rect ").count(), 3, "{figure}");
        assert!(figure.contains("100 up to 1.000 ms, 25 up to 1.250 ms, 1 up to 2.000 ms."), "{figure}");
        assert!(figure.contains("id=\"gaps-concurrent-4-title\""), "{figure}");
    }
}
