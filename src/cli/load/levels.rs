//! One level after another, and what is said about each: objectives, sweeps and searches.

use serde::Serialize;

use super::shapes::{Find, Over};
use crate::{
    cli::{CliError, render},
    domain::{
        measure::{
            objectives::{SloReport, Verdict, judge},
            observed::Sightings,
            record::{LevelRecords, LoadShape, Outcome},
            summarise,
            summary::LevelSummary,
        },
        slo::Slo,
    },
    loadgen::{LevelPlan, search},
    report::{View, figure, number},
};

/// Flags of the objectives.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ObjectiveArgs {
    /// Objective to report on, with goodput: terms like ttft_p95=500ms,itl_p95=50ms that must all be kept. Known are
    /// ttft, itl, tpot and latency, each with _mean, _p50, _p90, _p95, _p99 or _max, in ms or s; errors, in %; requests and
    /// output_tokens, per second
    #[arg(long, value_name = "TERMS", required_if_eq("find", "slo"))]
    pub slo: Option<Slo>,
    /// Exit with 1 unless every level keeps these terms, e.g. 'ttft_p95<500ms,errors<1%'; as --slo, and goodput, per second
    /// by the times of --slo. A percentile that there are too few requests for is not kept
    #[arg(long, value_name = "TERMS", conflicts_with = "find")]
    pub fail_on: Option<Slo>,
}

impl ObjectiveArgs {
    pub(super) fn check(&self) -> Result<(), CliError> {
        let is_defined = self.slo.as_ref().is_some_and(Slo::has_times);
        let needs = |slo: &Option<Slo>| slo.as_ref().is_some_and(Slo::needs_goodput);
        if !is_defined && (needs(&self.slo) || needs(&self.fail_on)) {
            return Err(CliError::usage("goodput needs --slo with the times that make a request a good one"));
        }
        Ok(())
    }
}

/// A level, summarised and judged.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    load: LoadShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    ramp_requests_per_second: Option<(f64, f64)>,
    #[serde(flatten)]
    pub(super) summary: LevelSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slo: Option<SloReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_on: Option<SloReport>,
    /// Whether there were failures and nothing but failures.
    #[serde(skip)]
    pub(super) is_dead: bool,
}

impl Judged {
    /// `seen` is what was seen beside the records; `plan` the level's own.
    pub(super) fn new(
        level: &LevelRecords,
        seen: Sightings,
        plan: &LevelPlan,
        objectives: &ObjectiveArgs,
    ) -> Self {
        let slo = objectives.slo.as_ref();
        let has_failed = level.records.iter().any(|record| matches!(record.outcome, Outcome::Errored { .. }));
        let has_completed = level.records.iter().any(|record| record.outcome == Outcome::Completed);
        let mut summary = summarise(level).with(level, seen);
        summary.judge(plan.until);
        Self {
            is_dead: has_failed && !has_completed,
            load: level.shape,
            ramp_requests_per_second: plan.ramp,
            summary,
            slo: slo.map(|slo| judge(level, slo, None)),
            fail_on: objectives.fail_on.as_ref().map(|terms| judge(level, terms, slo)),
        }
    }

    pub(super) fn name(&self) -> String {
        match (self.load, self.ramp_requests_per_second) {
            (_, Some((from, to))) => format!("{} to {} /s", number(from), number(to)),
            (LoadShape::Closed { streams: 1 }, _) => "1 stream".to_owned(),
            (LoadShape::Closed { streams }, _) => format!("{streams} streams"),
            (LoadShape::Saturate { max_in_flight }, _) => format!("{max_in_flight} in flight"),
            (LoadShape::Open { requests_per_second }, _) => format!("{} /s", number(requests_per_second)),
        }
    }

    pub(super) fn output_tokens_per_second(&self) -> f64 {
        self.summary.measured.columns.output_tokens_per_second.unwrap_or(0.0)
    }

    pub(super) fn keeps_slo(&self) -> bool {
        self.slo.as_ref().is_some_and(|slo| slo.verdict == Verdict::Met)
    }

    /// The terms of `--fail-on` that weren't kept, one line each.
    pub(super) fn failing(&self) -> Vec<String> {
        let terms = self.fail_on.iter().flat_map(|report| &report.terms);
        terms
            .filter(|term| term.verdict != Verdict::Met)
            .map(|term| match term.value {
                Some(value) => {
                    format!("{}: {}, but it was {}{}", self.name(), term.term, number(value), term.unit)
                }
                None => format!(
                    "{}: {}: not supported by {} requests, it needs {}",
                    self.name(),
                    term.term,
                    term.n,
                    term.needs_n
                ),
            })
            .collect()
    }
}

/// All there is to say of one level, table by table.
pub(super) fn one_in_full(level: &Judged) -> Vec<String> {
    let levels = std::slice::from_ref(level);
    let summaries = std::slice::from_ref(&level.summary);
    let mut parts = vec![render::table(summaries, View::Measured), terms_table(levels)];
    if level.slo.is_some() {
        parts.push(table(levels));
    }
    parts.extend([
        render::notes(summaries),
        render::spread_tables(summaries),
        render::precision_table(summaries),
        render::gap_histograms(summaries),
        render::instrument_table(summaries),
    ]);
    parts
}

/// Several levels beside one another, and a last sentence; nothing of no levels.
pub(super) fn several(levels: &[Judged], last: &str) -> Vec<String> {
    if levels.is_empty() {
        return Vec::new();
    }
    let summaries: Vec<LevelSummary> = levels.iter().map(|level| level.summary.clone()).collect();
    vec![
        table(levels),
        terms_table(levels),
        render::precision_table(&summaries),
        render::notes(&summaries),
        last.to_owned(),
    ]
}

/// One row a level, in the order they were measured.
fn table(levels: &[Judged]) -> String {
    let header = [
        "load",
        "requests\nok/all",
        "requests\n/s",
        "output\ntokens/s",
        "TTFT p50\nms",
        "ITL p50\nms",
        "latency p50\ns",
        "goodput\n/s",
        "SLO",
    ];
    let row = |level: &Judged| {
        let (columns, spread) = (&level.summary.measured.columns, &level.summary.measured.percentiles);
        let goodput = level.slo.as_ref().and_then(|slo| slo.goodput?.requests_per_second);
        [
            level.name(),
            format!("{}/{}", columns.successful_requests, columns.total_requests),
            figure(columns.requests_per_second),
            figure(columns.output_tokens_per_second),
            figure(spread.time_to_first_token_ms.p50),
            figure(spread.inter_token_latency_ms.p50),
            figure(spread.request_latency.p50),
            figure(goodput),
            level.slo.as_ref().map_or_else(|| "-".to_owned(), |slo| verdict(slo.verdict).to_owned()),
        ]
    };
    render::plain_table(header, levels.iter().map(row))
}

/// One row a term of an objective and level; empty where there is no objective.
fn terms_table(levels: &[Judged]) -> String {
    let rows: Vec<_> = levels
        .iter()
        .flat_map(|level| {
            let reports = level.slo.iter().chain(&level.fail_on);
            reports.flat_map(|report| &report.terms).map(|term| {
                let value = term.value.map_or_else(|| "-".to_owned(), |value| number(value) + term.unit);
                [
                    level.name(),
                    term.term.clone(),
                    value,
                    format!("{} of {}", term.n, term.needs_n),
                    verdict(term.verdict).to_owned(),
                ]
            })
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    render::plain_table(["objective", "term", "measured", "requests\nthere of needed", "verdict"], rows)
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::NotSupported => "not supported",
    }
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// Found.
    Found,
    /// Even the greatest load allowed was none too many: the answer lies above.
    AboveTheRange,
    /// Not even the least load kept it.
    BelowTheRange,
    /// Too few requests completed to judge a level that decides.
    NotSupported,
    /// Most levels, or most seconds, were reached first: the answer is a bound.
    Bounded,
}

/// A search and every level it tried.
#[derive(Debug, Serialize)]
pub(super) struct Searched {
    find: &'static str,
    over: &'static str,
    /// The load; null where none was.
    found: Option<f64>,
    ending: Ending,
    pub(super) levels: Vec<Judged>,
}

/// A search as it goes.
#[derive(Debug)]
pub(super) struct Searching {
    find: Find,
    over: Over,
    from: f64,
    to: f64,
    tried: Vec<(f64, Judged)>,
}

impl Searching {
    pub(super) fn new(find: Find, over: Over, from: f64, to: f64) -> Result<Self, CliError> {
        if find == Find::Knee && over == Over::Rate {
            return Err(CliError::usage("the knee is searched over streams")
                .hint("--find slo --over rate finds the highest rate that keeps an objective"));
        }
        if from > to {
            return Err(CliError::usage("--between must not go down"));
        }
        over.shape(from)?;
        over.shape(to)?;
        Ok(Self { find, over, from, to, tried: Vec::new() })
    }

    fn kept(&self) -> Vec<(f64, bool)> {
        self.tried.iter().map(|(load, level)| (*load, level.keeps_slo())).collect()
    }

    fn throughputs(&self) -> Vec<(f64, f64)> {
        self.tried.iter().map(|(load, level)| (*load, level.output_tokens_per_second())).collect()
    }

    /// The load to try next.
    pub(super) fn next(&self) -> Option<f64> {
        match self.find {
            Find::Slo => search::next_for_slo(self.over.axis(), self.from, self.to, &self.kept()),
            Find::Knee => search::next_for_knee(self.from, self.to, &self.throughputs()),
        }
    }

    pub(super) fn tried(&mut self, load: f64, level: Judged) {
        self.tried.push((load, level));
    }

    /// What was found when nothing more is tried.
    pub(super) fn end(self) -> Searched {
        let is_bounded = self.next().is_some();
        let (found, ending) = match self.find {
            Find::Knee => {
                let throughputs = self.throughputs();
                let has_plateau = search::has_plateau(&throughputs);
                let ending = match (is_bounded, has_plateau) {
                    (true, _) => Ending::Bounded,
                    (false, true) => Ending::Found,
                    (false, false) => Ending::AboveTheRange,
                };
                (search::knee(&throughputs).filter(|_| has_plateau), ending)
            }
            Find::Slo => {
                let kept = self.kept();
                let found = search::highest_kept(&kept);
                let least_missed = self
                    .tried
                    .iter()
                    .filter(|(_, level)| !level.keeps_slo())
                    .min_by(|a, b| a.0.total_cmp(&b.0));
                let unsupported = least_missed.is_some_and(|(_, level)| {
                    level.slo.as_ref().is_some_and(|slo| slo.verdict == Verdict::NotSupported)
                });
                let ending = match (unsupported, is_bounded, found, least_missed) {
                    (true, ..) => Ending::NotSupported,
                    (false, true, ..) => Ending::Bounded,
                    (false, false, None, _) => Ending::BelowTheRange,
                    (false, false, Some(_), None) => Ending::AboveTheRange,
                    (false, false, Some(_), Some(_)) => Ending::Found,
                };
                (found, ending)
            }
        };
        Searched {
            find: if self.find == Find::Knee { "knee" } else { "slo" },
            over: if self.over == Over::Streams { "streams" } else { "rate" },
            found,
            ending,
            levels: self.tried.into_iter().map(|(_, level)| level).collect(),
        }
    }
}

impl Searched {
    /// The result in a sentence.
    pub(super) fn in_words(&self) -> String {
        let load = |load: f64| match self.over {
            "rate" => format!("{} requests/s", number(load)),
            _ => format!("--streams {load}"),
        };
        let what = if self.find == "knee" {
            "the knee (fewest streams that give 90 % of the greatest output tokens/s)"
        } else {
            "the highest load that keeps the objective"
        };
        let found = self.found.map_or_else(|| "none".to_owned(), load);
        let ending = match self.ending {
            Ending::Found => "",
            Ending::AboveTheRange => "; the loads tried end before it: raise --between",
            Ending::BelowTheRange => "; not even the least load kept it",
            Ending::NotSupported => {
                "; a level had too few requests for its percentiles: raise --seconds, or ask for p50 or mean"
            }
            Ending::Bounded => "; the search was ended by --max-levels or --max-search-seconds",
        };
        format!("{what}: {found}{ending}")
    }
}
