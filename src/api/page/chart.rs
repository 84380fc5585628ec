//! Two small charts against the number of streams: output tokens per second, and time to first token.
//!
//! Each has a title and a description that holds every point, so that nobody needs to see it; the table has the same
//! numbers.

use std::fmt::Write;

use super::{
    html::{each, text},
    tables::Estimate,
};
use crate::{
    domain::measure::summary::{BenchmarkType, LevelSummary},
    report::{RunReport, in_order, number},
};

/// The drawing, in its own units.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 250.0;
/// The plot inside it.
const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 40.0;
/// Labels below the plot stand no closer than this.
const LABEL_GAP: f64 = 20.0;

/// A level in a chart.
struct Point {
    streams: u32,
    value: f64,
    /// 95 % confidence interval of the value.
    interval: Option<[f64; 2]>,
}

struct Chart {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Which direction is good, in words.
    better: &'static str,
    points: Vec<Point>,
    /// A value to compare with, and its name.
    reference: Option<(f64, String)>,
}

/// Both charts; empty where there is nothing to draw.
pub(super) fn charts(report: &RunReport) -> String {
    let levels = report.summaries();
    let ordered = in_order(&levels);
    let points = |of: fn(&LevelSummary) -> Estimate| -> Vec<Point> {
        let concurrent = ordered.iter().filter_map(|level| Some((level, level.measured.columns.rate?)));
        concurrent
            .filter_map(|(level, streams)| {
                let (value, interval) = of(level);
                Some(Point { streams, value: value?, interval })
            })
            .collect()
    };
    let saturated =
        ordered.iter().find(|level| level.measured.columns.benchmark_type == BenchmarkType::Throughput);
    let charts = [
        Chart {
            id: "tokens",
            title: "Output of all streams together",
            unit: "tokens/s",
            better: "Higher is better.",
            points: points(|level| (level.measured.columns.output_tokens_per_second, None)),
            reference: saturated
                .and_then(|level| level.measured.columns.output_tokens_per_second)
                .map(|value| (value, "throughput benchmark".to_owned())),
        },
        Chart {
            id: "ttft",
            title: "Mean time to first token",
            unit: "ms",
            better: "Lower is better. Bars: 95 % confidence interval.",
            points: points(|level| {
                let spread = &level.measured.percentiles.time_to_first_token_ms;
                (level.measured.columns.time_to_first_token_ms, spread.ci95)
            }),
            reference: None,
        },
    ];
    let drawn = each(charts.iter().filter(|chart| !chart.points.is_empty()), Chart::figure);
    if drawn.is_empty() { drawn } else { format!("<div class=\"charts\">\n{drawn}</div>\n") }
}

impl Chart {
    fn figure(&self) -> String {
        format!(
            "<figure>\n<figcaption>{} ({})<small>{}</small></figcaption>\n{}</figure>\n",
            self.title,
            self.unit,
            self.better,
            self.svg()
        )
    }

    fn svg(&self) -> String {
        let id = self.id;
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{} against streams</title>\n<desc id=\"{id}-desc\">{}</desc>\n{}{}{}</svg>\n",
            self.title,
            text(self.description()),
            self.axes(),
            self.reference_line(),
            self.series()
        )
    }

    /// Every point in words.
    fn description(&self) -> String {
        let points: Vec<String> = self
            .points
            .iter()
            .map(|point| format!("{} with {}", number(point.value), point.streams))
            .collect();
        let reference = self
            .reference
            .as_ref()
            .map(|(value, name)| format!("; {name} {}", number(*value)))
            .unwrap_or_default();
        format!("In {}, by number of streams: {}{reference}.", self.unit, points.join(", "))
    }

    fn axes(&self) -> String {
        let mut drawn = String::new();
        for tick in self.ticks() {
            let y = self.y(tick);
            let _ = writeln!(
                drawn,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"y\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                tick_label(tick)
            );
        }
        let mut free_from = f64::NEG_INFINITY;
        for point in &self.points {
            let x = self.x(point.streams);
            if x >= free_from {
                free_from = x + LABEL_GAP;
                let y = BOTTOM + 18.0;
                let _ = write!(drawn, "<text class=\"x\" x=\"{x:.1}\" y=\"{y}\">{}</text>", point.streams);
            }
        }
        let (middle, y) = (f64::midpoint(LEFT, RIGHT), HEIGHT - 5.0);
        let _ = writeln!(drawn, "<text class=\"x\" x=\"{middle}\" y=\"{y}\">streams</text>");
        drawn
    }

    fn reference_line(&self) -> String {
        let Some((value, name)) = &self.reference else { return String::new() };
        let y = self.y(*value);
        // The label keeps out of the line's way, and inside the drawing.
        let label_y = if y < TOP + 16.0 { y + 16.0 } else { y - 6.0 };
        format!(
            "<path class=\"reference\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
             <text class=\"label\" x=\"{}\" y=\"{label_y:.1}\">{}</text>\n",
            LEFT + 6.0,
            text(name)
        )
    }

    fn series(&self) -> String {
        let mut line = String::new();
        let mut marks = String::new();
        for (index, point) in self.points.iter().enumerate() {
            let (x, y) = (self.x(point.streams), self.y(point.value));
            let _ = write!(line, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
            if let Some([low, high]) = point.interval {
                let (low, high) = (self.y(low), self.y(high));
                let _ = write!(
                    marks,
                    "<path class=\"interval\" d=\"M{x:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h6M{:.1} {high:.1}h6\"/>",
                    x - 3.0,
                    x - 3.0
                );
            }
            let _ = write!(marks, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
        }
        format!("<path class=\"series\" d=\"{line}\"/>{marks}\n")
    }

    /// The highest value that must fit.
    fn highest(&self) -> f64 {
        let points = self
            .points
            .iter()
            .map(|point| point.interval.map_or(point.value, |[_, high]| high.max(point.value)));
        points.chain(self.reference.iter().map(|(value, _)| *value)).fold(0.0, f64::max)
    }

    /// Round numbers from 0 to past the highest value, at most six.
    fn ticks(&self) -> Vec<f64> {
        let step = round_step(self.highest() / 4.0);
        let count = (self.highest() / step).ceil().max(1.0) as u32;
        (0..=count).map(|tick| f64::from(tick) * step).collect()
    }

    fn y(&self, value: f64) -> f64 {
        let top = self.ticks().last().copied().unwrap_or(1.0);
        BOTTOM - (BOTTOM - TOP) * (value / top).clamp(0.0, 1.0)
    }

    /// Streams are on a straight scale from 0, so that twice as many are twice as far.
    fn x(&self, streams: u32) -> f64 {
        let most = self.points.iter().map(|point| point.streams).max().unwrap_or(1);
        LEFT + (RIGHT - LEFT - 12.0) * f64::from(streams) / f64::from(most.max(1))
    }
}

/// The least of 1, 2, 2.5 and 5 × a power of ten that is at least this; 1 for what is no step.
fn round_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= least).unwrap_or(10.0);
    factor * power
}

/// A tick without digits that say nothing: `250`, `0.5`, `12k`.
fn tick_label(tick: f64) -> String {
    if tick >= 10_000.0 { format!("{}k", tick / 1_000.0) } else { format!("{}", (tick * 1e6).round() / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[(u32, f64)]) -> Chart {
        let points =
            values.iter().map(|(streams, value)| Point { streams: *streams, value: *value, interval: None });
        Chart { id: "test", title: "Test", unit: "ms", better: "", points: points.collect(), reference: None }
    }

    #[test]
    fn steps_are_round_and_few() {
        for (highest, step) in [(10.0, 2.5), (9.0, 2.5), (123.0, 50.0), (0.03, 0.01), (1e6, 250_000.0)] {
            assert!((round_step(highest / 4.0) - step).abs() < 1e-9, "{highest}");
            let ticks = chart(&[(1, highest)]).ticks();
            assert!((2..=6).contains(&ticks.len()) && ticks[ticks.len() - 1] >= highest, "{ticks:?}");
        }
    }

    #[test]
    fn every_point_lies_inside_the_plot_even_where_all_values_are_zero() {
        for values in [&[(1, 0.0), (9, 0.0)][..], &[(1, 5.0), (4_096, 1e9)], &[(7, 0.000_1)]] {
            let chart = chart(values);
            for point in &chart.points {
                let (x, y) = (chart.x(point.streams), chart.y(point.value));
                assert!((LEFT..=RIGHT).contains(&x) && (TOP..=BOTTOM).contains(&y), "{x} {y}");
            }
            assert!(!chart.svg().contains("NaN") && !chart.svg().contains("inf"));
        }
    }

    #[test]
    fn crowded_labels_are_left_out_and_points_are_not() {
        let many: Vec<(u32, f64)> = (1..=200).map(|streams| (streams, 1.0)).collect();
        let svg = chart(&many).svg();
        assert_eq!(svg.matches("<circle").count(), 200);
        assert!(svg.matches("class=\"x\"").count() < 25);
    }

    #[test]
    fn the_description_holds_every_point() {
        let mut chart = chart(&[(1, 10.0), (2, 12.5)]);
        chart.reference = Some((40.0, "throughput benchmark".to_owned()));
        assert_eq!(
            chart.description(),
            "In ms, by number of streams: 10.00 with 1, 12.50 with 2; throughput benchmark 40.00."
        );
    }

    #[test]
    fn ticks_are_labelled_without_noise() {
        assert_eq!([0.0, 0.3, 2.5, 9_000.0, 12_500.0].map(tick_label), ["0", "0.3", "2.5", "9000", "12.5k"]);
    }
}
