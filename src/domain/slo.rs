//! Service-level objectives: what a load must keep, as terms like `ttft_p95=500ms` or `errors<1%`.
//!
//! Only the terms themselves; `measure::objectives` judges a level by them.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// A time that every request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeMetric {
    /// Time to first token.
    Ttft,
    /// A request's mean gap between tokens.
    Itl,
    /// A request's decode time ÷ its output tokens.
    Tpot,
    /// Start to end.
    Latency,
}

/// What of a time's distribution is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Greatest.
    Max,
}

/// What a term looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// A time, ms.
    Time(TimeMetric, Statistic),
    /// Failed ÷ (completed + failed) requests, %.
    Errors,
    /// Requests per second.
    RequestsPerSecond,
    /// Output tokens per second.
    OutputTokensPerSecond,
    /// Requests per second that each kept every time of the objective.
    Goodput,
}

/// How a figure must stand to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// ≤
    AtMost,
    /// <
    Below,
    /// ≥
    AtLeast,
    /// >
    Above,
}

/// One term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What is looked at.
    pub quantity: Quantity,
    /// How it must stand to the limit.
    pub comparison: Comparison,
    /// The limit, in the quantity's unit: ms, % or 1/s.
    pub limit: f64,
}

/// Terms that must all be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// At least one.
    terms: Vec<Term>,
}

/// Why a text is no objective.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{term}` is no objective: {reason}")]
pub struct Error {
    term: String,
    reason: String,
}

const TIMES: [(&str, TimeMetric); 4] = [
    ("ttft", TimeMetric::Ttft),
    ("itl", TimeMetric::Itl),
    ("tpot", TimeMetric::Tpot),
    ("latency", TimeMetric::Latency),
];
const STATISTICS: [(&str, Statistic); 6] = [
    ("mean", Statistic::Mean),
    ("p50", Statistic::P50),
    ("p90", Statistic::P90),
    ("p95", Statistic::P95),
    ("p99", Statistic::P99),
    ("max", Statistic::Max),
];
/// Longest first, so that `<=` isn't read as `<`.
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Quantity {
    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Time(..) => "ms",
            Self::Errors => "%",
            Self::RequestsPerSecond | Self::OutputTokensPerSecond | Self::Goodput => "/s",
        }
    }

    const fn is_better_high(self) -> bool {
        matches!(self, Self::RequestsPerSecond | Self::OutputTokensPerSecond | Self::Goodput)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(metric, statistic) => {
                let metric = TIMES.iter().find(|(_, known)| known == metric).map_or("", |(name, _)| name);
                let statistic =
                    STATISTICS.iter().find(|(_, known)| known == statistic).map_or("", |(name, _)| name);
                write!(f, "{metric}_{statistic}")
            }
            Self::Errors => f.write_str("errors"),
            Self::RequestsPerSecond => f.write_str("requests"),
            Self::OutputTokensPerSecond => f.write_str("output_tokens"),
            Self::Goodput => f.write_str("goodput"),
        }
    }
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let whole = match s {
            "errors" => Some(Self::Errors),
            "requests" => Some(Self::RequestsPerSecond),
            "output_tokens" => Some(Self::OutputTokensPerSecond),
            "goodput" => Some(Self::Goodput),
            _ => None,
        };
        if let Some(quantity) = whole {
            return Ok(quantity);
        }
        let unknown = || {
            "known are ttft, itl, tpot and latency, each with _mean, _p50, _p90, _p95, _p99 or _max, and errors, \
             requests, output_tokens and goodput"
                .to_owned()
        };
        let (metric, statistic) = s.split_once('_').unwrap_or((s, ""));
        let metric = TIMES.iter().find(|(name, _)| *name == metric).map(|(_, metric)| *metric);
        let metric = metric.ok_or_else(unknown)?;
        let statistic = STATISTICS.iter().find(|(name, _)| *name == statistic);
        let statistic = statistic.map(|(_, statistic)| *statistic).ok_or_else(unknown)?;
        Ok(Self::Time(metric, statistic))
    }
}

impl Comparison {
    /// Whether a figure keeps the limit.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::Below => value < limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantity, comparison, limit } = self;
        write!(f, "{quantity}{}{limit}{}", comparison.sign(), quantity.unit())
    }
}

impl FromStr for Term {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let text = s.trim();
        let refuse = |reason: &str| Error { term: text.to_owned(), reason: reason.to_owned() };
        let (at, sign, comparison) = COMPARISONS
            .iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, Some(*comparison))))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
            .or_else(|| Some((text.find('=')?, "=", None)))
            .ok_or_else(|| refuse("write it like ttft_p95=500ms or errors<1%"))?;
        let quantity: Quantity = text[..at].trim().parse().map_err(|reason: String| refuse(&reason))?;
        // A plain `=` is the good side of the limit, the limit included.
        let comparison = comparison.unwrap_or(if quantity.is_better_high() {
            Comparison::AtLeast
        } else {
            Comparison::AtMost
        });
        let limit = limit(quantity, text[at + sign.len()..].trim()).map_err(refuse)?;
        Ok(Self { quantity, comparison, limit })
    }
}

/// A limit in its quantity's unit.
fn limit(quantity: Quantity, text: &str) -> Result<f64, &'static str> {
    let (number, factor) = match quantity {
        Quantity::Time(..) => match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(number), _) => (number, 1.0),
            (None, Some(number)) => (number, 1_000.0),
            (None, None) => return Err("a time needs its unit, ms or s"),
        },
        Quantity::Errors => match text.strip_suffix('%') {
            Some(number) => (number, 1.0),
            None if text == "0" => (text, 1.0),
            None => return Err("a share needs its unit, %"),
        },
        _ => (text.strip_suffix("/s").unwrap_or(text), 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number * factor),
        _ => Err("its limit is no number of at least 0"),
    }
}

impl Slo {
    /// The terms, in the order given.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether a term needs to know which requests are good.
    #[must_use]
    pub fn needs_goodput(&self) -> bool {
        self.terms.iter().any(|term| term.quantity == Quantity::Goodput)
    }

    /// Whether a request can be judged by it: goodput of an objective without times is undefined.
    #[must_use]
    pub fn has_times(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.quantity, Quantity::Time(..)))
    }
}

impl FromStr for Slo {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let terms = s.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { terms })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl Serialize for Slo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slo(text: &str) -> Slo {
        text.parse().unwrap()
    }

    #[test]
    fn terms_are_read_in_both_units_and_with_every_sign() {
        let terms = slo("ttft_p95=0.5s, itl_mean<50ms,errors<=1%,output_tokens>=100/s,requests>2");
        assert_eq!(
            terms.to_string(),
            "ttft_p95<=500ms,itl_mean<50ms,errors<=1%,output_tokens>=100/s,requests>2/s"
        );
        assert_eq!(slo(&terms.to_string()), terms, "what is printed is read as the same");
        assert_eq!(slo("goodput=3").terms()[0].comparison, Comparison::AtLeast, "more is better");
    }

    #[test]
    fn what_is_no_objective_is_refused_with_what_would_be_one() {
        for (text, said) in [
            ("", "write it like"),
            ("ttft=500ms", "_p95"),
            ("ttft_p42=500ms", "known are"),
            ("warp_p95=500ms", "known are"),
            ("ttft_p95=500", "ms or s"),
            ("ttft_p95=fastms", "no number"),
            ("ttft_p95=-1ms", "no number"),
            ("errors<1", "%"),
            ("ttft_p95=500ms,,", "write it like"),
        ] {
            let error = text.parse::<Slo>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn limits_are_kept_or_not_at_their_very_value() {
        let holds = |text: &str, value| {
            let term = slo(text).terms()[0];
            term.comparison.holds(value, term.limit)
        };
        assert!(holds("ttft_p50=5ms", 5.0) && !holds("ttft_p50<5ms", 5.0));
        assert!(holds("requests=5", 5.0) && !holds("requests>5", 5.0));
    }
}
