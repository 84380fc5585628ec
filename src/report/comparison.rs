//! Two results beside each other, level by level: whether they differ, by how much, and how sure that is. And the
//! repeats of one: how much runs of the very same set-up differ.
//!
//! It chooses what is compared with what; the tests themselves are in `domain::measure::compare`.

use serde::Serialize;
use sqlx::PgConnection;

use super::ResultReport;
use crate::{
    domain::{
        ids::RunId,
        measure::{
            comparable::{Difference, comparable},
            compare::{ALPHA, Evidence, Finding, Moments, compare, holm},
            raw,
            samples::LevelSamples,
            summary::{BenchmarkType, Distribution},
        },
    },
    store::{
        self, records,
        results::{self, StoredResult},
    },
};

/// A level of a run, with its samples where its records are at hand.
#[derive(Debug)]
pub struct ComparedLevel {
    /// The result.
    pub result: ResultReport,
    /// Its samples.
    pub samples: Option<LevelSamples>,
}

/// What is compared of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Output tokens per second.
    OutputTokensPerSecond,
    /// Time to first token, ms.
    TimeToFirstTokenMs,
    /// Each request's mean gap between tokens, ms.
    InterTokenLatencyMs,
    /// Latency, s.
    RequestLatency,
}

/// What the samples of a comparison are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The requests (for throughput the batches) of one run on each side. What differs between two runs of the same
    /// set-up is not in their spread.
    Request,
    /// The runs of each side, each with its median (throughput: its rate).
    Run,
}

/// Two sides compared.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What the sides don't agree on; empty: they compare fairly.
    pub not_comparable: Vec<Difference>,
    /// What the samples are.
    pub unit: Unit,
    /// Chance of any false alarm among all comparisons.
    pub alpha: f64,
    /// One entry a level and quantity.
    pub comparisons: Vec<Compared>,
    /// Levels that only one side has.
    pub unmatched: Vec<String>,
}

/// One quantity of one level on both sides.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The level: `concurrent 4`, `throughput`.
    pub level: String,
    /// The same for programs: its type and streams.
    #[serde(skip)]
    pub key: (BenchmarkType, Option<u32>),
    /// The quantity.
    pub quantity: Quantity,
    /// The test's outcome.
    #[serde(flatten)]
    pub finding: Finding,
    /// The p-value, corrected for the number of comparisons (Holm).
    pub p_corrected: f64,
    /// Difference ÷ the first side's centre.
    pub relative: Option<f64>,
    /// Whether the sides differ: the corrected p-value is at most α.
    pub differs: bool,
}

/// How much one quantity of one level varies between runs.
#[derive(Debug, Serialize)]
pub struct Variance {
    /// The level.
    pub level: String,
    /// The quantity.
    pub quantity: Quantity,
    /// Runs.
    pub runs: u64,
    /// Mean over the runs of each one's median (throughput: its rate).
    pub mean: f64,
    /// Sample standard deviation of those.
    pub stddev: f64,
    /// Standard deviation ÷ mean.
    pub variation: Option<f64>,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// 95 % confidence interval of the mean (Student).
    pub ci95: Option<[f64; 2]>,
}

impl Quantity {
    /// Every quantity, in the order shown.
    pub const ALL: [Self; 4] = [
        Self::OutputTokensPerSecond,
        Self::TimeToFirstTokenMs,
        Self::InterTokenLatencyMs,
        Self::RequestLatency,
    ];

    /// Its short name with its unit.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::OutputTokensPerSecond => "output tokens/s",
            Self::TimeToFirstTokenMs => "TTFT, ms",
            Self::InterTokenLatencyMs => "ITL, ms",
            Self::RequestLatency => "latency, s",
        }
    }

    fn spread(self, result: &ResultReport) -> Option<&Distribution> {
        let spreads = &result.measured.percentiles;
        match self {
            Self::OutputTokensPerSecond => None,
            Self::TimeToFirstTokenMs => Some(&spreads.time_to_first_token_ms),
            Self::InterTokenLatencyMs => Some(&spreads.inter_token_latency_ms),
            Self::RequestLatency => Some(&spreads.request_latency),
        }
    }

    /// What one run says about it.
    fn of_requests(self, level: &ComparedLevel) -> Option<Evidence> {
        if self == Self::OutputTokensPerSecond {
            let batches = level.result.precision.output_tokens_per_second?;
            let (n, mean, stddev) = (u64::from(batches.batches), batches.mean, batches.stddev);
            return Some(Evidence::Moments(Moments { n, mean, stddev }));
        }
        if let Some(samples) = &level.samples {
            return Some(Evidence::Samples(match self {
                Self::TimeToFirstTokenMs => samples.time_to_first_token_ms.clone(),
                Self::InterTokenLatencyMs => samples.inter_token_latency_ms.clone(),
                Self::RequestLatency | Self::OutputTokensPerSecond => samples.request_latency.clone(),
            }));
        }
        let spread = self.spread(&level.result)?;
        Some(Evidence::Moments(Moments { n: spread.n, mean: spread.mean?, stddev: spread.stddev? }))
    }

    /// The one figure that stands for a run.
    fn of_run(self, level: &ComparedLevel) -> Option<f64> {
        match self {
            Self::OutputTokensPerSecond => level.result.measured.columns.output_tokens_per_second,
            _ => self.spread(&level.result)?.p50,
        }
    }
}

type Key = (BenchmarkType, Option<u32>);

/// The levels of a run, with their samples; none where the run or its results aren't there. Results of versions that kept
/// no records are compared by their summaries.
///
/// # Errors
/// When the database fails.
pub async fn levels(conn: &mut PgConnection, run: RunId) -> Result<Vec<ComparedLevel>, store::Error> {
    Ok(stored(conn, run).await?.into_iter().map(ComparedLevel::of).collect())
}

impl ComparedLevel {
    /// A stored level. Results of versions that kept no records, or whose records can't be read, are compared by their
    /// summaries. Reading the records of a long level takes a while.
    #[must_use]
    pub fn of((result, block): StoredLevel) -> Self {
        let samples = block.and_then(|block| raw::decode(&block).ok()).map(|level| LevelSamples::of(&level));
        Self { result: ResultReport::from_summary(result.summary, result.comparability), samples }
    }

    fn key(&self) -> Key {
        (self.result.benchmark_type, self.result.rate)
    }
}

fn name((kind, rate): Key) -> String {
    rate.map_or_else(|| kind.as_str().to_owned(), |rate| format!("{} {rate}", kind.as_str()))
}

/// A level as it is stored, with the block of its records where that was kept.
pub type StoredLevel = (StoredResult, Option<Vec<u8>>);

/// The levels of a run: concurrent by ascending rate, then throughput.
///
/// # Errors
/// When the database fails.
pub async fn stored(conn: &mut PgConnection, run: RunId) -> Result<Vec<StoredLevel>, store::Error> {
    let mut levels = Vec::new();
    for result in results::list(conn, run).await? {
        let columns = &result.summary.compat;
        let block = records::of_level(conn, run, columns.benchmark_type, columns.rate).await?;
        levels.push((result, block));
    }
    Ok(levels)
}

/// The levels of some runs, in the order of the first run that has them.
fn keys(runs: &[Vec<ComparedLevel>]) -> Vec<Key> {
    let mut keys = Vec::new();
    for level in runs.iter().flatten() {
        if !keys.contains(&level.key()) {
            keys.push(level.key());
        }
    }
    keys
}

fn at(runs: &[Vec<ComparedLevel>], key: Key) -> Vec<&ComparedLevel> {
    runs.iter().flatten().filter(|level| level.key() == key).collect()
}

/// What is said of one level on one side: by one run its requests, by several each run's figure.
fn evidence(levels: &[&ComparedLevel], quantity: Quantity, unit: Unit) -> Option<Evidence> {
    match (unit, levels) {
        (Unit::Request, [level]) => quantity.of_requests(level),
        (Unit::Request, _) => None,
        (Unit::Run, levels) => {
            let figures: Vec<f64> = levels.iter().filter_map(|level| quantity.of_run(level)).collect();
            Moments::of(&figures).map(Evidence::Moments)
        }
    }
}

/// Compares two sides of one run each by their requests, or of several runs each by their runs. `None`: one run on one
/// side and several on the other have no common unit.
#[must_use]
pub fn compare_runs(a: &[Vec<ComparedLevel>], b: &[Vec<ComparedLevel>]) -> Option<Comparison> {
    let unit = match (a.len(), b.len()) {
        (1, 1) => Unit::Request,
        (several, others) if several > 1 && others > 1 => Unit::Run,
        _ => return None,
    };
    let (keys_a, keys_b) = (keys(a), keys(b));
    let mut found = Vec::new();
    for key in keys_a.iter().filter(|key| keys_b.contains(key)) {
        for quantity in Quantity::ALL {
            let sides = evidence(&at(a, *key), quantity, unit).zip(evidence(&at(b, *key), quantity, unit));
            found.extend(sides.and_then(|(a, b)| compare(&a, &b)).map(|finding| (*key, quantity, finding)));
        }
    }
    let p: Vec<f64> = found.iter().map(|(_, _, finding)| finding.p).collect();
    let comparisons = found
        .into_iter()
        .zip(holm(&p))
        .map(|((key, quantity, finding), p_corrected)| Compared {
            level: name(key),
            key,
            quantity,
            p_corrected,
            relative: finding
                .centre
                .first()
                .map(|centre| finding.difference / centre)
                .filter(|share| share.is_finite()),
            differs: p_corrected <= ALPHA,
            finding,
        })
        .collect();
    let only = |keys: &[Key], others: &[Key], side: &str| -> Vec<String> {
        keys.iter()
            .filter(|key| !others.contains(key))
            .map(|key| format!("{} (only {side})", name(*key)))
            .collect()
    };
    let mut unmatched = only(&keys_a, &keys_b, "A");
    unmatched.extend(only(&keys_b, &keys_a, "B"));
    Some(Comparison { not_comparable: differences(a, b), unit, alpha: ALPHA, comparisons, unmatched })
}

/// What any result of one side and any of the other don't agree on, each field once.
fn differences(a: &[Vec<ComparedLevel>], b: &[Vec<ComparedLevel>]) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    let setups = |runs: &[Vec<ComparedLevel>]| -> Vec<_> {
        let mut setups = Vec::new();
        for setup in runs.iter().flatten().filter_map(|level| level.result.comparability.clone()) {
            if !setups.contains(&setup) {
                setups.push(setup);
            }
        }
        setups
    };
    let others = setups(b);
    for setup in setups(a) {
        for difference in others.iter().flat_map(|other| comparable(&setup, other)) {
            if found.iter().all(|known| known.field != difference.field) {
                found.push(difference);
            }
        }
    }
    found
}

/// How much the runs of one set-up vary, by level and quantity; what fewer than two runs have is left out.
#[must_use]
pub fn variance(runs: &[Vec<ComparedLevel>]) -> Vec<Variance> {
    let mut rows = Vec::new();
    for key in keys(runs) {
        for quantity in Quantity::ALL {
            let figures: Vec<f64> =
                at(runs, key).into_iter().filter_map(|level| quantity.of_run(level)).collect();
            let Some(moments) = Moments::of(&figures) else { continue };
            let variation = moments.stddev / moments.mean;
            rows.push(Variance {
                level: name(key),
                quantity,
                runs: moments.n,
                mean: moments.mean,
                stddev: moments.stddev,
                variation: variation.is_finite().then_some(variation),
                min: figures.iter().copied().fold(f64::INFINITY, f64::min),
                max: figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                ci95: moments.ci95(),
            });
        }
    }
    rows
}

/// What runs that are said to be repeats don't agree on.
#[must_use]
pub fn repeat_differences(runs: &[Vec<ComparedLevel>]) -> Vec<Difference> {
    differences(runs, runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::measure::comparable::Comparability, report::samples::ten_levels};

    fn setup(model: &str) -> Comparability {
        Comparability {
            model: model.to_owned(),
            precision: None,
            context_tokens: None,
            parallel_slots: None,
            prefix_caching: None,
            prompt_set_sha256: "ab".to_owned(),
            gpu_id: "CPU".to_owned(),
            gpu_count: 0,
        }
    }

    /// A run of which everything takes `factor` times as long.
    fn run(factor: f64, model: &str) -> Vec<ComparedLevel> {
        ten_levels()
            .into_iter()
            .map(|level| {
                let mut result = ResultReport::from_summary(level, Some(setup(model)));
                let spreads = &mut result.measured.percentiles;
                for spread in [
                    &mut spreads.request_latency,
                    &mut spreads.time_to_first_token_ms,
                    &mut spreads.inter_token_latency_ms,
                ] {
                    for figure in [&mut spread.mean, &mut spread.p50, &mut spread.stddev] {
                        *figure = figure.map(|value| value * factor);
                    }
                }
                ComparedLevel { result, samples: None }
            })
            .collect()
    }

    fn of(comparison: &Comparison, quantity: Quantity) -> Vec<&Compared> {
        comparison.comparisons.iter().filter(|compared| compared.quantity == quantity).collect()
    }

    #[test]
    fn a_run_does_not_differ_from_itself() {
        let same = compare_runs(&[run(1.0, "m")], &[run(1.0, "m")]).unwrap();
        assert!(
            same.comparisons.iter().all(|compared| !compared.differs && compared.finding.difference == 0.0)
        );
        assert!(same.not_comparable.is_empty() && same.unmatched.is_empty());
        assert_eq!(same.unit, Unit::Request);
    }

    #[test]
    fn a_run_that_takes_twice_as_long_differs_and_by_how_much_is_said() {
        let slower = compare_runs(&[run(1.0, "m")], &[run(2.0, "m")]).unwrap();
        let latency = of(&slower, Quantity::RequestLatency);
        assert_eq!(latency.len(), 10);
        assert!(
            latency
                .iter()
                .all(|compared| compared.differs && (compared.relative.unwrap() - 1.0).abs() < 1e-9)
        );
    }

    #[test]
    fn what_makes_two_runs_incomparable_and_levels_that_one_lacks_are_named() {
        let mut fewer = run(1.0, "n");
        fewer.truncate(9);
        let other = compare_runs(&[run(1.0, "m")], &[fewer]).unwrap();
        assert_eq!(other.not_comparable.iter().map(|d| d.field).collect::<Vec<_>>(), ["model"]);
        assert_eq!(other.unmatched, ["concurrent 1 (only A)"]);
    }

    #[test]
    fn groups_of_repeats_are_compared_by_their_runs_and_never_with_a_single_one() {
        let group = |factor: f64| [0.99, 1.0, 1.01].map(|noise| run(factor * noise, "m"));
        let groups = compare_runs(&group(1.0), &group(1.3)).unwrap();
        assert_eq!(groups.unit, Unit::Run);
        assert!(
            of(&groups, Quantity::TimeToFirstTokenMs).iter().all(|compared| compared.finding.n == [3, 3])
        );
        assert!(of(&groups, Quantity::TimeToFirstTokenMs).iter().all(|compared| compared.differs));
        assert!(compare_runs(&group(1.0), &[run(1.0, "m")]).is_none());
    }

    #[test]
    fn the_variation_of_repeats_is_that_of_their_medians() {
        let rows = variance(&[run(0.9, "m"), run(1.0, "m"), run(1.1, "m")]);
        let row = rows.iter().find(|row| row.quantity == Quantity::RequestLatency).unwrap();
        assert_eq!(row.runs, 3);
        assert!((row.variation.unwrap() - 0.1).abs() < 1e-9 && row.ci95.unwrap()[0] < row.min, "{row:?}");
        assert!(variance(&[run(1.0, "m")]).is_empty());
    }
}
