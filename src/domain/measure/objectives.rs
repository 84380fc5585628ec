//! Whether a level kept an objective ([`Slo`]), term by term, and how many of its requests were good.

use serde::Serialize;

use super::{
    population::Observed,
    rates,
    record::{LevelRecords, Outcome},
    stats::{self, SUPPORT_P90, SUPPORT_P95, SUPPORT_P99},
    views,
};
use crate::domain::slo::{Quantity, Slo, Statistic, Term, TimeMetric};

/// What became of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Kept.
    Met,
    /// There are too few samples to say.
    NotSupported,
    /// Not kept.
    Missed,
}

/// One term judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermReport {
    /// The term, e.g. `ttft_p95<=500ms`.
    pub term: String,
    /// The figure, in the term's unit; null where n can't support it.
    pub value: Option<f64>,
    /// `ms`, `%` or `/s`.
    pub unit: &'static str,
    /// Samples.
    pub n: u64,
    /// Samples that the figure needs.
    pub needs_n: u64,
    /// Whether it was kept.
    pub verdict: Verdict,
}

/// Requests that each kept every time of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goodput {
    /// Good requests completed inside the window.
    pub good_requests: u64,
    /// The same per second; null for a window without length.
    pub requests_per_second: Option<f64>,
    /// Good ÷ all requests that ended inside the window, failed ones included; null where none did.
    pub share: Option<f64>,
}

/// An objective judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SloReport {
    /// The worst of the terms' verdicts.
    pub verdict: Verdict,
    /// Goodput; null for an objective without times.
    pub goodput: Option<Goodput>,
    /// The terms, in their order.
    pub terms: Vec<TermReport>,
}

impl Statistic {
    /// Samples it needs: the support rule of the published percentiles.
    #[must_use]
    pub const fn needed_samples(self) -> u64 {
        (match self {
            Self::Mean | Self::P50 | Self::Max => 1,
            Self::P90 => SUPPORT_P90,
            Self::P95 => SUPPORT_P95,
            Self::P99 => SUPPORT_P99,
        }) as u64
    }
}

/// Completions that a level needs so that every term can be judged.
#[must_use]
pub fn needed_samples(slo: &Slo) -> u64 {
    let of = |term: &Term| match term.quantity {
        Quantity::Time(_, statistic) => statistic.needed_samples(),
        _ => 1,
    };
    slo.terms().iter().map(of).max().unwrap_or(1)
}

/// Judges a level. Goodput counts requests by `good`'s times, or by the objective's own where `good` is `None`.
#[must_use]
pub fn judge(level: &LevelRecords, slo: &Slo, good: Option<&Slo>) -> SloReport {
    let population = views::completed(level);
    let goodput = goodput(level, &population, good.unwrap_or(slo));
    let terms: Vec<_> =
        slo.terms().iter().map(|term| judge_term(level, &population, term, goodput.as_ref())).collect();
    let verdict = terms.iter().map(|term| term.verdict).max().unwrap_or(Verdict::Met);
    SloReport { verdict, goodput, terms }
}

fn judge_term(
    level: &LevelRecords,
    population: &[Observed],
    term: &Term,
    goodput: Option<&Goodput>,
) -> TermReport {
    let n = population.len() as u64;
    let (value, n, needs_n) = match term.quantity {
        Quantity::Time(metric, statistic) => {
            let samples: Vec<f64> =
                population.iter().filter_map(|request| time_us(request, metric)).collect();
            let n = samples.len() as u64;
            (figure(samples, statistic, level.seed), n, statistic.needed_samples())
        }
        Quantity::Errors => {
            let ended = || level.after_warm_up().filter(|record| record.outcome != Outcome::CutOff);
            let failed = ended().filter(|record| record.outcome != Outcome::Completed).count();
            let n = ended().count();
            (stats::ratio(100.0 * failed as f64, n as f64), n as u64, 1)
        }
        Quantity::RequestsPerSecond => (rates::Rates::in_window(level).requests_per_second, n, 1),
        Quantity::OutputTokensPerSecond => (rates::Rates::in_window(level).output_tokens_per_second, n, 1),
        Quantity::Goodput => (goodput.and_then(|goodput| goodput.requests_per_second), n, 1),
    };
    let verdict = match value {
        None => Verdict::NotSupported,
        Some(value) if term.comparison.holds(value, term.limit) => Verdict::Met,
        Some(_) => Verdict::Missed,
    };
    TermReport { term: term.to_string(), value, unit: term.quantity.unit(), n, needs_n, verdict }
}

/// A request's own time, µs; `None` where it has none or it isn't known.
fn time_us(request: &Observed, metric: TimeMetric) -> Option<f64> {
    match metric {
        TimeMetric::Ttft => request.ttft_us().map(|us| us as f64),
        TimeMetric::Itl => request.mean_gap_us(),
        TimeMetric::Tpot => request.decode().and_then(|(us, tokens)| stats::ratio(us as f64, tokens as f64)),
        TimeMetric::Latency => Some(request.latency_us() as f64),
    }
}

/// A statistic of times in µs, in ms; `None` where the samples can't support it.
fn figure(samples: Vec<f64>, statistic: Statistic, seed: u64) -> Option<f64> {
    let spread = stats::distribution(samples, stats::US_PER_MS, seed);
    match statistic {
        Statistic::Mean => spread.mean,
        Statistic::P50 => spread.p50,
        Statistic::P90 => spread.p90,
        Statistic::P95 => spread.p95,
        Statistic::P99 => spread.p99,
        Statistic::Max => spread.max,
    }
}

fn goodput(level: &LevelRecords, population: &[Observed], slo: &Slo) -> Option<Goodput> {
    if !slo.has_times() {
        return None;
    }
    let good_requests = population.iter().filter(|request| is_good(request, slo)).count() as u64;
    let window = level.window;
    let ended = level
        .records
        .iter()
        .filter(|record| record.outcome != Outcome::CutOff && window.contains(record.end_us))
        .count();
    Some(Goodput {
        good_requests,
        requests_per_second: stats::ratio(good_requests as f64 * stats::US_PER_S, window.length_us() as f64),
        share: stats::ratio(good_requests as f64, ended as f64),
    })
}

/// Whether a request's own times are within the limits, whichever statistic each limit is for. An answer of one token has no gap
/// and keeps every limit of gaps; a time that isn't known keeps none.
fn is_good(request: &Observed, slo: &Slo) -> bool {
    slo.terms().iter().all(|term| match term.quantity {
        Quantity::Time(TimeMetric::Itl, _) if request.output_tokens == Some(1) => true,
        Quantity::Time(metric, _) => time_us(request, metric)
            .is_some_and(|us| term.comparison.holds(us / stats::US_PER_MS, term.limit)),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::{level, request};

    /// So many requests a tenth of a second apart, each with a TTFT of its number in ms and gaps of 10 ms.
    fn rising(requests: u64) -> LevelRecords {
        let record = |i: u64| {
            let (start, first) = (i * 100_000, i * 100_000 + (i + 1) * 1_000);
            request(start, first + 20_000).events([first, first + 10_000, first + 20_000]).usage(16, 3)
        };
        level((0, requests * 100_000 + 1_000_000), (0..requests).map(record).collect())
    }

    fn judged(level: &LevelRecords, slo: &str) -> SloReport {
        judge(level, &slo.parse().unwrap(), None)
    }

    #[test]
    fn a_percentile_that_n_cannot_support_is_neither_met_nor_missed() {
        let report = judged(&rising(129), "ttft_p95=1s,ttft_mean=1s");
        let verdicts: Vec<_> = report.terms.iter().map(|term| term.verdict).collect();
        assert_eq!(verdicts, [Verdict::NotSupported, Verdict::Met]);
        assert_eq!(report.verdict, Verdict::NotSupported);
        assert_eq!((report.terms[0].n, report.terms[0].needs_n, report.terms[0].value), (129, 130, None));
        assert_eq!(judged(&rising(130), "ttft_p95=1s").verdict, Verdict::Met);
        assert_eq!(needed_samples(&"ttft_p95=1s,itl_p99=1s".parse().unwrap()), 662);
    }

    #[test]
    fn figures_are_in_milliseconds_and_one_missed_term_is_enough() {
        let report = judged(&rising(9), "ttft_p50=5ms,itl_max=10ms,tpot_mean<6.6ms,latency_max=29ms");
        let values: Vec<_> = report.terms.iter().map(|term| term.value.unwrap()).collect();
        assert_eq!(values[..2], [5.0, 10.0]);
        assert!((values[2] - 20.0 / 3.0).abs() < 1e-9 && (values[3] - 29.0).abs() < 1e-9, "{values:?}");
        assert_eq!(report.terms[2].verdict, Verdict::Missed);
        assert_eq!(report.verdict, Verdict::Missed);
    }

    #[test]
    fn goodput_counts_requests_whose_own_times_are_within_the_limits() {
        // Ten requests in 2 s, TTFT 1 to 10 ms: four of them within 4 ms.
        let mut level = rising(10);
        let goodput = judged(&level, "ttft_p99=4ms").goodput.unwrap();
        assert_eq!(
            (goodput.good_requests, goodput.requests_per_second, goodput.share),
            (4, Some(2.0), Some(0.4))
        );
        level.records[0].outcome = Outcome::Errored { code: "reset".to_owned() };
        let report = judged(&level, "ttft_p99=4ms,goodput>=1.5,errors<=10%");
        assert_eq!(report.goodput.unwrap().good_requests, 3, "a failed request isn't good");
        assert_eq!((report.terms[1].verdict, report.terms[2].value), (Verdict::Met, Some(10.0)));
        assert_eq!(judged(&level, "errors=0").goodput, None);
    }

    #[test]
    fn one_token_has_no_gap_and_unknown_tokens_have_no_good_one() {
        let one = request(0, 10).events([5]).usage(16, 1);
        let unknown = request(0, 10).events([5, 6]);
        let level = level((0, 1_000_000), vec![one, unknown]);
        assert_eq!(judged(&level, "itl_p50=1ms").goodput.unwrap().good_requests, 1);
    }

    #[test]
    fn a_level_without_completions_supports_nothing() {
        let level = level((0, 1_000_000), vec![]);
        assert_eq!(judged(&level, "ttft_mean=1s").verdict, Verdict::NotSupported);
        assert_eq!(judged(&level, "errors<1%").verdict, Verdict::NotSupported);
    }
}
