//! The filters that searches share, as parameters: facets, bounds, times, text.

use std::{fmt, str::FromStr};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use utoipa::IntoParams;

use crate::{
    api::parameters::{Parameters, Time},
    clock,
    domain::{
        explore::{Facet, Metric, Query, Range},
        run::RunStatus,
    },
};

/// The longest text that is looked for, characters.
const LONGEST: usize = 200;
/// The longest way back from now: a hundred years.
const MOST_HOURS: u32 = 876_000;

/// The filters, for the OpenAPI document alone: [`query`] reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "nothing but its description is used")]
pub(in crate::api::v1) struct Filters {
    /// The model's display name, or an engine's id of it. Like all of these but `since`, `until`, `text` and bounds it may be
    /// given several times, and then any of them will do. A value that is none exactly, in any case, is looked for within
    model: Option<Vec<String>>,
    /// `7b`
    parameter_size: Option<Vec<String>>,
    /// `VLLM`, `Ollama`, …
    engine: Option<Vec<String>>,
    /// The engine's version, or `unknown`
    engine_version: Option<Vec<String>>,
    /// The GPU: `NVIDIA H200`; `h100` means all that have it in their name
    gpu: Option<Vec<String>>,
    /// How many GPUs; 0: a CPU
    gpu_count: Option<Vec<i32>>,
    /// Where it ran: `Runpod`, `local`, …
    server: Option<Vec<String>>,
    /// Precision of the weights: `bf16`, `q4_k_m`, or `unknown`
    precision: Option<Vec<String>>,
    /// `succeeded`, `failed` or `cancelled`
    status: Option<Vec<String>>,
    /// `measured` here, or `imported`
    origin: Option<Vec<String>>,
    /// Mean time to first token of the throughput benchmark, ms: at least
    ttft_min: Option<f64>,
    /// At most
    ttft_max: Option<f64>,
    /// Output tokens a second: at least
    tps_min: Option<f64>,
    /// At most
    tps_max: Option<f64>,
    /// Mean gap between tokens, ms: at least
    itl_min: Option<f64>,
    /// At most
    itl_max: Option<f64>,
    /// Mean latency, s: at least
    latency_min: Option<f64>,
    /// At most
    latency_max: Option<f64>,
    /// A million output tokens, US dollars: at least
    cost_min: Option<f64>,
    /// At most
    cost_max: Option<f64>,
    /// Measured then or later: RFC 3339, a day, or back from now by hours, days or weeks (`12h`, `30d`, `4w`)
    since: Option<String>,
    /// Measured before
    until: Option<String>,
    /// Within id, model, engine or GPU, in any case
    text: Option<String>,
}

/// Reads the filters.
pub(in crate::api::v1) fn query(parameters: &mut Parameters) -> Query {
    let mut query = Query::default();
    for facet in Facet::ALL {
        let values: Vec<String> = match facet {
            Facet::GpuCount => texts(&parameters.take_all::<Count>(facet.as_str())),
            Facet::Status => texts(&parameters.take_all::<Ended>(facet.as_str())),
            Facet::Origin => texts(&parameters.take_all::<Origin>(facet.as_str())),
            _ => texts(&parameters.take_all::<Words>(facet.as_str())),
        };
        if !values.is_empty() {
            query.facets.insert(facet, values);
        }
    }
    for metric in Metric::ALL {
        let [low, high] = ["min", "max"].map(|end| format!("{}_{end}", metric.as_str()));
        let min = parameters.take(&low).map(|Figure(figure)| figure);
        let max = parameters.take(&high).map(|Figure(figure)| figure);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            parameters.refuse(&low, format!("must not be more than `{high}`"));
        }
        if min.is_some() || max.is_some() {
            query.ranges.insert(metric, Range { min, max });
        }
    }
    query.since = parameters.take("since").map(|Moment(at)| at);
    query.until = parameters.take("until").map(|Moment(at)| at);
    query.text = parameters.take("text").map(|Words(text)| text);
    query
}

fn texts(values: &[impl fmt::Display]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// A text to look for.
struct Words(String);

impl FromStr for Words {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let text = s.trim();
        match text.chars().count() {
            1..=LONGEST => Ok(Self(text.to_owned())),
            _ => Err(format!("must be a text of 1 to {LONGEST} characters")),
        }
    }
}

/// A number of GPUs.
struct Count(u16);

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self).map_err(|_| "must be a number of GPUs, 0 for a CPU")
    }
}

/// How a run ended.
struct Ended(RunStatus);

impl FromStr for Ended {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let ends = RunStatus::ALL.iter().filter(|status| status.is_terminal());
        ends.into_iter()
            .find(|status| status.as_str() == s)
            .map(|status| Self(*status))
            .ok_or("must be succeeded, failed or cancelled")
    }
}

/// Where a run comes from.
struct Origin(&'static str);

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        ["measured", "imported"]
            .into_iter()
            .find(|origin| *origin == s)
            .map(Self)
            .ok_or("must be measured or imported")
    }
}

macro_rules! shown_as_it_is {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}
shown_as_it_is!(Words, Count, Ended, Origin);

/// A bound.
struct Figure(f64);

impl FromStr for Figure {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse::<f64>() {
            Ok(figure) if figure.is_finite() && figure >= 0.0 => Ok(Self(figure)),
            _ => Err("must be a number, 0 or more"),
        }
    }
}

/// A time, as such or back from now. Back from now it is cut to the hour, so that the same question has the same answer for
/// a while.
struct Moment(DateTime<Utc>);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        const RIGHT: &str = "must be a time such as 2026-11-24T06:00:00Z, a day such as 2026-11-24, or 12h, 30d or 4w back from now";
        if let Ok(Time(time)) = s.parse() {
            return Ok(Self(time));
        }
        let back = |(unit, hours): (&str, u32)| s.strip_suffix(unit)?.parse::<u32>().ok()?.checked_mul(hours);
        let hours =
            [("h", 1), ("d", 24), ("w", 168)].into_iter().find_map(back).filter(|hours| *hours <= MOST_HOURS);
        hours
            .and_then(|hours| clock::now().checked_sub_signed(TimeDelta::hours(hours.into())))
            .and_then(|at| at.duration_trunc(TimeDelta::hours(1)).ok())
            .map(Self)
            .ok_or(RIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Error;

    fn read(text: &str) -> Result<Query, Vec<String>> {
        let mut parameters = Parameters::of(&format!("/x?{text}").parse().unwrap());
        let query = query(&mut parameters);
        match parameters.finish() {
            Ok(()) => Ok(query),
            Err(Error::Parameters(bad)) => Err(bad.into_iter().map(|bad| bad.parameter).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_filter_text_of_a_site_has_parameters_for_all_it_says() {
        // engine:vllm gpu:h100 model:llama ttft:<500 tps:>100 cost:<1 since:30d
        let query =
            read("engine=vllm&gpu=h100&model=llama&ttft_max=500&tps_min=100&cost_max=1&since=30d").unwrap();
        assert_eq!(query.facets[&Facet::Engine], ["vllm"]);
        assert_eq!(query.ranges[&Metric::Ttft], Range { min: None, max: Some(500.0) });
        assert_eq!(query.ranges[&Metric::Tps], Range { min: Some(100.0), max: None });
        let days = (clock::now() - query.since.unwrap()).num_minutes();
        assert!((30 * 1440..30 * 1440 + 61).contains(&days), "{days}");
        assert_eq!(read("gpu=a&gpu=b").unwrap().facets[&Facet::Gpu], ["a", "b"]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let wrong = "gpu=&status=running&origin=x&gpu_count=-1&ttft_min=-1&tps_max=inf&itl_min=2&itl_max=1&since=30x&until=99999999w";
        assert_eq!(
            read(wrong).unwrap_err(),
            ["gpu", "gpu_count", "status", "origin", "ttft_min", "tps_max", "itl_min", "since", "until"]
        );
        assert_eq!(read(&"gpu=a&".repeat(51)).unwrap_err(), ["gpu"]);
        assert_eq!(read(&format!("text={}", "a".repeat(201))).unwrap_err(), ["text"]);
    }
}
