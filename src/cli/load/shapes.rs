//! The shapes of load beyond one number of streams: ramps, sweeps and searches, as flags.

use std::{fmt, str::FromStr};

use crate::{
    cli::CliError,
    domain::measure::record::LoadShape,
    loadgen::{Arrival, search},
};

/// `FROM..TO`, both numbers above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (from, to) = s.split_once("..").ok_or("write it as FROM..TO, e.g. 1..64")?;
        Ok(Self { from: positive(from)?, to: positive(to)? })
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err(format!("`{}` is no number above 0", text.trim())),
    }
}

/// `1,2,4,8`, or `1..8` for the same: doubling.
#[derive(Debug, Clone, PartialEq)]
pub struct Loads(pub Vec<f64>);

impl FromStr for Loads {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.contains("..") {
            let Range { from, to } = s.parse()?;
            if from > to {
                return Err("the first load is above the last".to_owned());
            }
            return Ok(Self(search::doublings(from, to)));
        }
        s.split(',').map(positive).collect::<Result<_, _>>().map(Self)
    }
}

/// `--find`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Find {
    /// The fewest streams that give 90 % of the greatest output tokens/s seen
    Knee,
    /// The highest load that keeps --slo
    Slo,
}

/// `--over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Over {
    /// Numbers of streams, closed loop
    Streams,
    /// Requests per second, open loop
    Rate,
}

impl Over {
    pub(super) const fn axis(self) -> search::Axis {
        match self {
            Self::Streams => search::Axis::Streams,
            Self::Rate => search::Axis::Rate,
        }
    }

    /// One load of this kind.
    pub(super) fn shape(self, load: f64) -> Result<LoadShape, CliError> {
        match self {
            Self::Rate => Ok(LoadShape::Open { requests_per_second: load }),
            Self::Streams if load.fract() == 0.0 && (1.0..=65_535.0).contains(&load) => {
                Ok(LoadShape::Closed { streams: load as u32 })
            }
            Self::Streams => Err(CliError::usage(format!("{load} is no number of streams from 1 to 65535"))),
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Streams => "streams",
            Self::Rate => "requests/s",
        })
    }
}

/// `--arrival`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ArrivalArg {
    /// Evenly spaced
    Constant,
    /// At random times, as independent users would
    Poisson,
    /// At random times with gaps of --cv: in bursts above 1, more even than Poisson below
    Gamma,
}

/// Flags of the shapes.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ShapeArgs {
    /// Open loop whose rate changes: FROM requests per second in the warm-up, then linearly to TO at the window's end
    #[arg(long, value_name = "FROM..TO")]
    pub ramp: Option<Range>,
    /// Closed loops one after another: numbers of streams as 1,2,4,8 or 1..8 (doubling)
    #[arg(long, value_name = "N,N…")]
    pub sweep: Option<Loads>,
    /// Open loops one after another: requests per second as 1,2,4,8 or 1..8 (doubling)
    #[arg(long, value_name = "R,R…")]
    pub sweep_rate: Option<Loads>,
    /// Search for a load: levels double until they give no more, then halve the gap; every level is reported
    #[arg(long, value_enum, value_name = "WHAT")]
    pub find: Option<Find>,
    /// What --find slo searches over
    #[arg(long, value_enum, value_name = "WHAT", requires = "find", default_value = "streams")]
    pub over: Over,
    /// Least and greatest load of --find
    #[arg(long, value_name = "FROM..TO", requires = "find", default_value = "1..256")]
    pub between: Range,
    /// Most levels of --find
    #[arg(long, value_name = "N", requires = "find", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(1..=200))]
    pub max_levels: u32,
    /// --find starts no level after so many seconds
    #[arg(long, value_name = "S", requires = "find", default_value_t = 900.0, allow_negative_numbers = true)]
    pub max_search_seconds: f64,
    /// When the requests of an open loop are sent
    #[arg(long, value_enum, value_name = "WHEN", conflicts_with_all = ["streams", "saturate", "sweep", "trace"],
          default_value = "poisson")]
    pub arrival: ArrivalArg,
    /// Standard deviation ÷ mean of the gaps between arrivals, for --arrival gamma
    #[arg(long, value_name = "X", required_if_eq("arrival", "gamma"), allow_negative_numbers = true)]
    pub cv: Option<f64>,
}

impl ShapeArgs {
    pub(super) fn arrival(&self) -> Result<Arrival, CliError> {
        match (self.arrival, self.cv) {
            (ArrivalArg::Constant, None) => Ok(Arrival::Constant),
            (ArrivalArg::Poisson, None) => Ok(Arrival::Poisson),
            (ArrivalArg::Gamma, cv) => Ok(Arrival::Gamma { cv: cv.unwrap_or(1.0) }),
            (_, Some(_)) => Err(CliError::usage("--cv is for --arrival gamma")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_listed_or_doubled() {
        assert_eq!("1, 3,9".parse(), Ok(Loads(vec![1.0, 3.0, 9.0])));
        assert_eq!("2..12".parse(), Ok(Loads(vec![2.0, 4.0, 8.0, 12.0])));
        for bad in ["", "0,1", "8..2", "1..", "one"] {
            assert!(bad.parse::<Loads>().is_err(), "{bad}");
        }
    }

    #[test]
    fn streams_are_whole_numbers() {
        assert!(Over::Streams.shape(2.5).is_err() && Over::Streams.shape(0.0).is_err());
        assert_eq!(Over::Streams.shape(3.0).unwrap(), LoadShape::Closed { streams: 3 });
    }
}
