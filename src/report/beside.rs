//! A few published runs beside one of them: each figure of each level, by how much it differs, whether that is more than
//! chance, in words; and whether they compare fairly at all. The tests are those of [`super::comparison`]; imported runs have no
//! spread, so of them nothing is claimed.

use serde::Serialize;
use utoipa::ToSchema;

use super::comparison::{Compared, ComparedLevel, Comparison, Quantity, compare_runs};
use crate::domain::{
    explore::{Facet, Figure, Listed, Metric, Spread, UNKNOWN},
    measure::{
        comparable::{Comparability, Difference, comparable},
        compare::{ALPHA, Method},
        summary::{BenchmarkType, Columns},
    },
};

/// How differences are judged, for people.
pub const METHOD: &str = "Mann–Whitney on the requests of both runs where their records are kept, else Welch on number, mean \
    and standard deviation; throughput: Welch on the means of 20 batches of the window. p-values are corrected for the number \
    of levels and figures of each pair of runs (Holm). One run a side: that two runs of the same set-up differ too is not in \
    these tests.";

/// A run and what is known of it.
#[derive(Debug)]
pub struct Side {
    /// What it is.
    pub run: Listed,
    /// What another must agree on to compare fairly; `None`: unknown.
    pub setup: Option<Comparability>,
    /// Its published levels (compat view).
    pub published: Vec<Columns>,
    /// Its levels with their samples; `None`: imported, or it has no results.
    pub measured: Option<Vec<ComparedLevel>>,
}

/// Runs beside a baseline.
#[derive(Debug, Serialize, ToSchema)]
pub struct Beside {
    /// `measured` where all runs have that view, else `compat`.
    pub view: &'static str,
    /// Chance of any false alarm in the comparison of two runs.
    pub alpha: f64,
    /// How differences are judged.
    pub method: &'static str,
    /// The runs in the order asked for: whether each compares fairly with the baseline.
    pub fairness: Vec<Fairness>,
    /// Concurrent by ascending rate, then throughput.
    pub levels: Vec<LevelBeside>,
}

/// Whether a run compares fairly with the baseline.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fairness {
    /// The run.
    pub id: String,
    /// It is the baseline.
    pub is_baseline: bool,
    /// Null: not known.
    pub fair: Option<bool>,
    /// What they don't agree on: `a` is the baseline's.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Difference>,
    /// The same in a sentence.
    pub words: String,
}

/// A level of all runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelBeside {
    /// `concurrent` or `throughput`.
    pub benchmark_type: BenchmarkType,
    /// Streams; null for throughput.
    pub rate: Option<u32>,
    /// Each figure.
    pub metrics: Vec<MetricBeside>,
}

/// A figure of a level of all runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricBeside {
    /// `tps`, `ttft`, `itl`, `latency` or `cost`.
    pub metric: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// In the order of the runs.
    pub values: Vec<ValueBeside>,
}

/// What came of comparing a figure with the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the baseline's own.
    Baseline,
    /// It differs by more than chance, for the better.
    Better,
    /// It differs by more than chance, for the worse.
    Worse,
    /// No difference was shown. That isn't to say that there is none.
    NoDifferenceShown,
    /// Nobody can say: there is no spread, or too few samples.
    NotKnown,
    /// This run or the baseline has no such figure.
    Missing,
}

/// A figure of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValueBeside {
    /// The run.
    pub id: String,
    /// In the answer's view.
    pub value: Option<f64>,
    /// Of the measured view, with n and interval; null: imported, or cost.
    pub measured: Option<Figure>,
    /// Less the baseline's.
    pub difference: Option<f64>,
    /// The same ÷ the baseline's.
    pub relative: Option<f64>,
    /// Whether it differs by more than chance.
    pub verdict: Verdict,
    /// The test; null where none was made.
    pub test: Option<Test>,
    /// The verdict in a sentence.
    pub words: String,
}

/// A test between the baseline's samples and a run's.
#[derive(Debug, Serialize, ToSchema)]
pub struct Test {
    /// `mann_whitney` or `welch`.
    #[schema(value_type = String)]
    pub method: Method,
    /// Samples of the baseline and of the run.
    pub n: [u64; 2],
    /// The run's less the baseline's: by Mann–Whitney the median of all differences, by Welch that of the means.
    pub difference: f64,
    /// Its 95 % confidence interval; null: too few samples.
    pub ci95: Option<[f64; 2]>,
    /// Of this comparison alone.
    pub p: f64,
    /// Corrected for the number of comparisons of the two runs.
    pub p_corrected: f64,
}

const METRICS: [(Metric, Option<Quantity>); 5] = [
    (Metric::Tps, Some(Quantity::OutputTokensPerSecond)),
    (Metric::Ttft, Some(Quantity::TimeToFirstTokenMs)),
    (Metric::Itl, Some(Quantity::InterTokenLatencyMs)),
    (Metric::Latency, Some(Quantity::RequestLatency)),
    (Metric::Cost, None),
];

type Key = (BenchmarkType, Option<u32>);

/// Compares runs with the one of these at `baseline`; `None`: there is none there.
#[must_use]
pub fn beside(sides: &[Side], baseline: usize) -> Option<Beside> {
    let base = sides.get(baseline)?;
    let is_measured = sides.iter().all(|side| side.measured.is_some());
    let compared: Vec<Option<Comparison>> = sides
        .iter()
        .enumerate()
        .map(|(place, side)| {
            let (a, b) = base.measured.as_ref().zip(side.measured.as_ref()).filter(|_| place != baseline)?;
            compare_runs(std::slice::from_ref(a), std::slice::from_ref(b))
        })
        .collect();
    let fairness =
        sides.iter().enumerate().map(|(place, side)| side.fairness(base, place == baseline)).collect();
    let levels = keys(sides)
        .into_iter()
        .map(|key| {
            let metrics = METRICS.into_iter().map(|(metric, quantity)| {
                let value =
                    |side: &Side| metric.of_level(side.columns(key, is_measured)?, side.run.usd_per_hour);
                let from = value(base);
                let values = sides.iter().zip(&compared).enumerate().map(|(place, (side, compared))| {
                    let found = compared.as_ref().zip(quantity).and_then(|(compared, quantity)| {
                        compared.comparisons.iter().find(|one| one.key == key && one.quantity == quantity)
                    });
                    let told = Told { metric, is_baseline: place == baseline, from, found };
                    told.value(side, value(side), side.figure(key, metric), base)
                });
                MetricBeside {
                    metric: metric.as_str(),
                    unit: metric.unit(),
                    more_is_better: metric.more_is_better(),
                    values: values.collect(),
                }
            });
            LevelBeside { benchmark_type: key.0, rate: key.1, metrics: metrics.collect() }
        })
        .collect();
    let view = if is_measured { "measured" } else { "compat" };
    Some(Beside { view, alpha: ALPHA, method: METHOD, fairness, levels })
}

/// The levels that any of them has.
fn keys(sides: &[Side]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for side in sides {
        let measured = side.measured.iter().flatten().map(|level| &level.result.compat);
        for columns in side.published.iter().chain(measured) {
            let key = (columns.benchmark_type, columns.rate);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys.sort_by_key(|(_, rate)| (rate.is_none(), *rate));
    keys
}

impl Side {
    fn columns(&self, key: Key, is_measured: bool) -> Option<&Columns> {
        let is_it = |columns: &Columns| (columns.benchmark_type, columns.rate) == key;
        if is_measured {
            return self.level(key).map(|level| &level.result.measured.columns);
        }
        let published = self.published.iter().find(|columns| is_it(columns));
        // A run that isn't published yet, or never will be, has its own.
        published.or_else(|| self.level(key).map(|level| &level.result.compat))
    }

    fn level(&self, key: Key) -> Option<&ComparedLevel> {
        self.measured.iter().flatten().find(|level| (level.result.benchmark_type, level.result.rate) == key)
    }

    fn figure(&self, key: Key, metric: Metric) -> Option<Figure> {
        let result = &self.level(key)?.result;
        let spread = Spread {
            output_tokens_per_second: result.measured.columns.output_tokens_per_second,
            percentiles: result.measured.percentiles.clone(),
            precision: result.precision.output_tokens_per_second,
        };
        spread.figure(metric)
    }

    fn fairness(&self, base: &Self, is_baseline: bool) -> Fairness {
        let id = self.run.id.clone();
        if is_baseline {
            let words = "the baseline".to_owned();
            return Fairness { id, is_baseline, fair: Some(true), differences: Vec::new(), words };
        }
        let setups = base.setup.as_ref().zip(self.setup.as_ref());
        let differences = match setups {
            Some((a, b)) => comparable(a, b),
            None => known_differences(&base.run, &self.run),
        };
        let named: Vec<String> =
            differences.iter().map(|one| format!("{} ({} / {})", one.field, one.a, one.b)).collect();
        let (fair, words) = match (differences.is_empty(), setups.is_some()) {
            (false, _) => (Some(false), format!("does not compare fairly with the baseline: they differ in {}", named.join(", "))),
            (true, true) => (Some(true), "compares fairly with the baseline".to_owned()),
            (true, false) => (
                None,
                "whether it compares fairly with the baseline is not known: of one of them context, slots, prefix cache and \
                 prompts aren't recorded"
                    .to_owned(),
            ),
        };
        Fairness { id, is_baseline, fair, differences, words }
    }
}

/// What two runs are known to differ in where one of them recorded no set-up.
fn known_differences(a: &Listed, b: &Listed) -> Vec<Difference> {
    [Facet::Model, Facet::Precision, Facet::Gpu, Facet::GpuCount]
        .into_iter()
        .map(|facet| Difference {
            field: facet.as_str(),
            a: facet.of(a).into_owned(),
            b: facet.of(b).into_owned(),
        })
        .filter(|one| one.a != one.b && one.a != UNKNOWN && one.b != UNKNOWN)
        .collect()
}

/// What a value is told with.
struct Told<'a> {
    metric: Metric,
    is_baseline: bool,
    /// The baseline's value.
    from: Option<f64>,
    found: Option<&'a Compared>,
}

impl Told<'_> {
    fn value(&self, side: &Side, value: Option<f64>, measured: Option<Figure>, base: &Side) -> ValueBeside {
        let both = value.zip(self.from).filter(|_| !self.is_baseline);
        let difference = both.map(|(value, from)| value - from);
        let relative = both.map(|(value, from)| (value - from) / from).filter(|share| share.is_finite());
        let verdict = match (self.is_baseline, both, self.found) {
            (true, ..) => Verdict::Baseline,
            (_, None, _) => Verdict::Missing,
            (_, _, None) => Verdict::NotKnown,
            (_, _, Some(found)) if !found.differs => Verdict::NoDifferenceShown,
            (_, _, Some(found)) if (found.finding.difference > 0.0) == self.metric.more_is_better() => {
                Verdict::Better
            }
            _ => Verdict::Worse,
        };
        ValueBeside {
            id: side.run.id.clone(),
            value,
            measured,
            difference,
            relative,
            verdict,
            test: self.found.map(Test::of),
            words: self.words(verdict, side, base),
        }
    }

    fn words(&self, verdict: Verdict, side: &Side, base: &Side) -> String {
        let test = self.found.map(in_words).unwrap_or_default();
        match verdict {
            Verdict::Baseline => "the baseline".to_owned(),
            Verdict::Missing => "this run or the baseline has no such figure".to_owned(),
            Verdict::NoDifferenceShown => format!("no difference shown: {test}"),
            Verdict::Better | Verdict::Worse => {
                let found =
                    self.found.and_then(|found| Some((found.relative?, found.finding.difference > 0.0)));
                let by =
                    found.map_or_else(String::new, |(share, _)| format!("{:.1} % ", share.abs() * 100.0));
                let way = if found.is_some_and(|(_, is_more)| is_more) { "higher" } else { "lower" };
                let well = if verdict == Verdict::Better { "better" } else { "worse" };
                format!("{by}{way} than the baseline, which is {well}: {test}")
            }
            Verdict::NotKnown if self.metric == Metric::Cost => {
                "whether it differs is that of the throughput and of the prices".to_owned()
            }
            Verdict::NotKnown if side.measured.is_none() || base.measured.is_none() => {
                let is_imported = |side: &Side| side.measured.is_none() && side.run.run.is_none();
                let why = if is_imported(side) || is_imported(base) {
                    "imported results have no spread"
                } else {
                    "one of the runs has no samples here any more"
                };
                format!("whether it differs by more than chance is not known: {why}")
            }
            Verdict::NotKnown => {
                "whether it differs by more than chance is not known: too few samples".to_owned()
            }
        }
    }
}

fn in_words(found: &Compared) -> String {
    let test = match found.finding.method {
        Method::MannWhitney => "Mann–Whitney",
        Method::Welch => "Welch",
    };
    let p = found.p_corrected;
    let p = if p < 0.000_1 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") };
    let [a, b] = found.finding.n;
    format!("{p} ({test}, {a} against {b} samples)")
}

impl Test {
    fn of(found: &Compared) -> Self {
        let finding = &found.finding;
        Self {
            method: finding.method,
            n: finding.n,
            difference: finding.difference,
            ci95: finding.ci95,
            p: finding.p,
            p_corrected: found.p_corrected,
        }
    }
}
