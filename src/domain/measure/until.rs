//! Measuring until a figure is known well enough, and no longer than allowed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::batches::{BatchMeans, Precision};

/// The figure that is to be known well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Output tokens per second.
    #[default]
    OutputTokens,
    /// Mean time to first token.
    Ttft,
}

/// When a level has been measured for long enough: `ci=5%,max=120s,metric=output_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Until {
    /// Half the width of the 95 % confidence interval ÷ mean that is to be reached: 0.05 is 5 %.
    pub ci: f64,
    /// The window ends after so many seconds in any case.
    pub max_seconds: f64,
    /// Of which figure.
    #[serde(default)]
    pub metric: Metric,
}

/// What was asked for, and whether it was reached. The published precision decides, which may differ a little from what
/// was seen while the level ran.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UntilReport {
    /// The rule.
    pub asked: Until,
    /// Whether the figure is known as well as asked.
    pub reached: bool,
}

impl Metric {
    /// The name in a command and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutputTokens => "output_tokens",
            Self::Ttft => "ttft",
        }
    }

    /// The figure in a level's precision.
    #[must_use]
    pub const fn of(self, precision: &Precision) -> Option<BatchMeans> {
        match self {
            Self::OutputTokens => precision.output_tokens_per_second,
            Self::Ttft => precision.time_to_first_token_ms,
        }
    }
}

impl Until {
    /// Whether a figure is known well enough.
    #[must_use]
    pub fn is_met_by(&self, means: Option<BatchMeans>) -> bool {
        means.and_then(|means| means.half_width_share).is_some_and(|share| share <= self.ci)
    }

    /// Whether a level, by its published precision, got there.
    #[must_use]
    pub fn is_reached(&self, precision: &Precision) -> bool {
        self.is_met_by(self.metric.of(precision))
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 0.05 × 100 is not 5 in binary: at most nine digits are shown.
        let percent = (self.ci * 1e11).round() / 1e9;
        write!(f, "ci={percent}%,max={}s,metric={}", self.max_seconds, self.metric.as_str())
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (mut ci, mut max_seconds, mut metric) = (None, None, Metric::default());
        for part in s.split(',').map(str::trim) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not KEY=VALUE; write it as ci=5%,max=120s"))?;
            match key.trim() {
                "ci" => ci = Some(percent(value)?),
                "max" => max_seconds = Some(seconds(value)?),
                "metric" => {
                    metric = match value.trim() {
                        "output_tokens" => Metric::OutputTokens,
                        "ttft" => Metric::Ttft,
                        other => {
                            return Err(format!(
                                "unknown metric `{other}`: known are output_tokens and ttft"
                            ));
                        }
                    }
                }
                other => return Err(format!("unknown key `{other}`: known are ci, max and metric")),
            }
        }
        match (ci, max_seconds) {
            (Some(ci), Some(max_seconds)) => Ok(Self { ci, max_seconds, metric }),
            _ => {
                Err("both ci and max are needed: how well, and how long at most, as in ci=5%,max=120s"
                    .to_owned())
            }
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    number
        .map(|number| number / 100.0)
        .filter(|share| (0.000_1..=1.0).contains(share))
        .ok_or_else(|| format!("ci={text}: give a share between 0.01% and 100%, as in ci=5%"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (number, factor) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 60.0),
        (None, None) => (text, 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|number| number * factor);
    seconds
        .filter(|seconds| (0.1..=86_400.0).contains(seconds))
        .ok_or_else(|| format!("max={text}: give seconds between 0.1 and 86400, as in max=120s or max=2m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written_in_any_order() {
        let rule: Until = "max=2m, ci=5%".parse().unwrap();
        assert_eq!(rule, Until { ci: 0.05, max_seconds: 120.0, metric: Metric::OutputTokens });
        assert_eq!(rule.to_string(), "ci=5%,max=120s,metric=output_tokens");
        let other: Until = "ci=0.7%,max=9.5,metric=ttft".parse().unwrap();
        assert_eq!(other.to_string().parse::<Until>().unwrap(), other);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for (text, says) in [
            ("ci=5%", "both"),
            ("ci=5,max=10s", "0.01%"),
            ("ci=0%,max=10s", "0.01%"),
            ("ci=5%,max=0s", "seconds"),
            ("ci=5%,max=NaN", "seconds"),
            ("ci=5%,max=9s,metric=itl", "output_tokens"),
            ("fast", "KEY=VALUE"),
            ("cI=5%,max=9s", "unknown key"),
        ] {
            let error = text.parse::<Until>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_figure_is_never_known_well() {
        let rule: Until = "ci=100%,max=1s".parse().unwrap();
        assert!(!rule.is_reached(&Precision::default()));
    }
}
