//! Lengths of prompts and answers: fixed, or drawn for each request from the seed.

use std::{fmt, str::FromStr};

use crate::{domain::spec, loadgen::random::SplitMix};

/// Longest that is drawn or asked for, tokens.
const MAX_TOKENS: f64 = spec::MAX_TOKENS as f64;

/// A distribution of lengths, tokens. Every draw is a whole number of at least 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lengths {
    /// Always the same.
    Fixed(u32),
    /// Each from the first to the last, equally often.
    Uniform(u32, u32),
    /// Normal of this mean and standard deviation.
    Normal(f64, f64),
    /// Log-normal of this median; the second is the standard deviation of the natural logarithm.
    LogNormal(f64, f64),
}

impl Lengths {
    /// The length of a number's draw.
    #[must_use]
    pub fn draw(self, seed: u64, number: u64) -> u32 {
        let mut random = SplitMix(seed ^ SplitMix(number).next());
        let tokens = match self {
            Self::Fixed(tokens) => return tokens,
            Self::Uniform(from, to) => {
                let span = u64::from(to - from) + 1;
                return from + ((u128::from(random.next()) * u128::from(span)) >> 64) as u32;
            }
            Self::Normal(mean, deviation) => mean + deviation * random.normal(),
            Self::LogNormal(median, deviation) => median * (deviation * random.normal()).exp(),
        };
        tokens.round().clamp(1.0, MAX_TOKENS) as u32
    }

    /// A length that stands for all: the median.
    #[must_use]
    pub fn typical(self) -> u32 {
        match self {
            Self::Fixed(tokens) => tokens,
            Self::Uniform(from, to) => u32::midpoint(from, to),
            Self::Normal(middle, _) | Self::LogNormal(middle, _) => middle.round().max(1.0) as u32,
        }
    }
}

impl FromStr for Lengths {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let whole = |text: &str| match text.trim().parse::<u32>() {
            Ok(tokens) if tokens >= 1 && f64::from(tokens) <= MAX_TOKENS => Ok(tokens),
            _ => Err(format!("`{}` is no length from 1 to {MAX_TOKENS} tokens", text.trim())),
        };
        let number = |text: &str, least: f64, most: f64| match text.trim().parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("`{}` is no number from {least} to {most}", text.trim())),
        };
        let Some((kind, rest)) = s.split_once(':') else {
            return whole(s).map(Self::Fixed).map_err(|error| {
                format!("{error}; or write uniform:50-200, normal:100,20 or lognormal:100,0.5")
            });
        };
        let pair = |sign: char| {
            rest.split_once(sign)
                .ok_or_else(|| format!("`{kind}` takes two numbers with a `{sign}` between them"))
        };
        match kind {
            "uniform" => {
                let (from, to) = pair('-')?;
                let (from, to) = (whole(from)?, whole(to)?);
                if from > to {
                    return Err("the first length is above the last".to_owned());
                }
                Ok(Self::Uniform(from, to))
            }
            "normal" => {
                let (mean, deviation) = pair(',')?;
                Ok(Self::Normal(number(mean, 1.0, MAX_TOKENS)?, number(deviation, 0.0, MAX_TOKENS)?))
            }
            "lognormal" => {
                let (median, deviation) = pair(',')?;
                Ok(Self::LogNormal(number(median, 1.0, MAX_TOKENS)?, number(deviation, 0.0, 5.0)?))
            }
            _ => Err(format!("`{kind}` is none of uniform, normal and lognormal")),
        }
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(tokens) => write!(f, "{tokens}"),
            Self::Uniform(from, to) => write!(f, "uniform:{from}-{to}"),
            Self::Normal(mean, deviation) => write!(f, "normal:{mean},{deviation}"),
            Self::LogNormal(median, deviation) => write!(f, "lognormal:{median},{deviation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_and_written_the_same() {
        for text in ["100", "uniform:50-200", "normal:100,20", "lognormal:100,0.5"] {
            assert_eq!(text.parse::<Lengths>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "0",
            "-3",
            "1.5",
            "uniform:9-3",
            "uniform:9",
            "normal:100",
            "normal:0,1",
            "cauchy:1,2",
            "lognormal:100,9",
            "20000000",
        ] {
            assert!(bad.parse::<Lengths>().is_err(), "{bad}");
        }
    }

    #[test]
    fn draws_have_the_spread_asked_for_and_come_again_from_the_seed() {
        let draws = |text: &str, seed: u64| -> Vec<f64> {
            let lengths: Lengths = text.parse().unwrap();
            (0..20_000).map(|number| f64::from(lengths.draw(seed, number))).collect()
        };
        let mean_and_deviation = |all: &[f64]| {
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64;
            (mean, variance.sqrt())
        };
        let uniform = draws("uniform:50-200", 1);
        assert!(uniform.iter().all(|x| (50.0..=200.0).contains(x)));
        assert!(uniform.contains(&50.0) && uniform.contains(&200.0), "both ends are drawn");
        let (mean, deviation) = mean_and_deviation(&uniform);
        assert!((mean - 125.0).abs() < 1.5 && (deviation - 43.6).abs() < 1.0, "{mean} {deviation}");
        let (mean, deviation) = mean_and_deviation(&draws("normal:100,20", 1));
        assert!((mean - 100.0).abs() < 0.7 && (deviation - 20.0).abs() < 0.7, "{mean} {deviation}");
        let logs: Vec<f64> = draws("lognormal:1000,0.5", 1).iter().map(|x| x.ln()).collect();
        let (mean, deviation) = mean_and_deviation(&logs);
        assert!((mean - 1000_f64.ln()).abs() < 0.02 && (deviation - 0.5).abs() < 0.02, "{mean} {deviation}");
        assert!(draws("normal:2,50", 1).iter().all(|x| *x >= 1.0), "never an empty prompt");
        assert_eq!(draws("normal:100,20", 1), draws("normal:100,20", 1));
        assert_ne!(draws("normal:100,20", 1), draws("normal:100,20", 2));
    }
}
