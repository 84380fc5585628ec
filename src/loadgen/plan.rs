//! What is to be measured: the engine's address and the shape of the load.

use std::{fmt, sync::Arc, time::Duration};

use url::Url;

use super::{Error, prompts::BLOCKS};
use crate::domain::{
    kinds::EngineKind,
    measure::{record::LoadShape, steady::SteadyRule, stop::StopRule, until::Until},
};

/// Most requests in flight in an open loop. Beyond it arrivals wait, and their wait counts as latency.
pub(super) const MAX_OPEN_IN_FLIGHT: u32 = 4096;

/// The engine that is measured.
#[derive(Clone)]
pub struct Target {
    /// Where its routes begin, e.g. `http://127.0.0.1:8000`.
    pub base_url: Url,
    /// Sent as a bearer token. Never printed.
    pub api_key: Option<String>,
    /// Its protocol.
    pub engine: EngineKind,
    /// Its own id of the model.
    pub model: String,
    /// Whether requests go through a provider's HTTP proxy; recorded with the result.
    pub through_proxy: bool,
    /// Whether engine and client share one host; recorded with the result.
    pub shared_host: bool,
    /// Ollama's context length, tokens.
    pub num_ctx: Option<u32>,
    /// Whether llama.cpp may answer from its prompt cache.
    pub prefix_caching: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("base_url", &self.base_url.as_str())
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("engine", &self.engine)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// A direct target without key or options; `shared_host` is whether the URL names this machine's loopback.
    #[must_use]
    pub fn new(base_url: Url, engine: EngineKind, model: impl Into<String>) -> Self {
        let shared_host = match base_url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        Self {
            base_url,
            api_key: None,
            engine,
            model: model.into(),
            through_proxy: false,
            shared_host,
            num_ctx: None,
            prefix_caching: false,
        }
    }
}

/// When an open loop sends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Arrival {
    /// Evenly spaced.
    Constant,
    /// At random times drawn from the seed, as independent users would.
    #[default]
    Poisson,
    /// At random times with gamma gaps: below 1 more even than Poisson, above 1 in bursts.
    Gamma {
        /// Standard deviation of the gaps ÷ their mean; 0.01 to 100.
        cv: f64,
    },
}

/// One level of load.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPlan {
    /// The shape.
    pub shape: LoadShape,
    /// When an open loop sends; the other shapes don't look at it.
    pub arrival: Arrival,
    /// An open loop whose rate changes, requests per second: the first in the warm-up, from there linearly through the
    /// window to the last.
    pub ramp: Option<(f64, f64)>,
    /// An open loop that sends at these times, µs, ascending, and ends when the last is answered: a trace.
    pub schedule: Option<Arc<[u64]>>,
    /// Completions the window needs; `None`: the usual number of the shape.
    pub min_completions: Option<u64>,
    /// Shortest window, s.
    pub seconds: f64,
    /// Load before the window, s; not looked at where `steady` says when it ends.
    pub warmup_seconds: f64,
    /// Warm-up ends when throughput is steady.
    pub steady: Option<SteadyRule>,
    /// The window lasts until a figure is known well enough, beside its other conditions, and no longer than this says.
    pub until: Option<Until>,
    /// Output length, tokens.
    pub output_tokens: u32,
    /// Prompt length, tokens.
    pub prompt_tokens: u32,
    /// Seed of the engine's sampling, of random arrivals, and of the statistics.
    pub seed: u64,
    /// Which prompts of the set: two levels of one run, and two attempts at one level, take different numbers, so that
    /// no prompt is sent twice. Below 4096.
    pub prompt_block: u64,
    /// Longest a request may take.
    pub request_timeout: Duration,
    /// Longest that requests in flight at the window's end are waited for.
    pub grace: Duration,
    /// Longest window, s.
    pub max_seconds: f64,
}

impl LevelPlan {
    /// A plan with the usual rest: a warm-up of a tenth of the seconds, 4 × the seconds at most, 600 s a request,
    /// 10 s of drain, and a prompt block of the shape.
    #[must_use]
    pub fn new(shape: LoadShape, seconds: f64, prompt_tokens: u32, output_tokens: u32, seed: u64) -> Self {
        let prompt_block = match shape {
            LoadShape::Closed { streams } => u64::from(streams),
            LoadShape::Saturate { .. } => 0,
            LoadShape::Open { .. } => 4095,
        };
        Self {
            shape,
            arrival: Arrival::default(),
            ramp: None,
            schedule: None,
            min_completions: None,
            seconds,
            warmup_seconds: seconds / 10.0,
            steady: None,
            until: None,
            output_tokens,
            prompt_tokens,
            seed,
            prompt_block,
            request_timeout: Duration::from_mins(10),
            grace: Duration::from_secs(10),
            max_seconds: StopRule::for_shape(shape, seconds).max_seconds,
        }
    }

    /// Streams, places in flight, or the most an open loop may have in flight.
    pub(super) fn places(&self) -> u32 {
        match self.shape {
            LoadShape::Closed { streams } => streams,
            LoadShape::Saturate { max_in_flight } => max_in_flight,
            LoadShape::Open { .. } => MAX_OPEN_IN_FLIGHT,
        }
    }

    /// Completions the window needs unless the plan says another number.
    #[must_use]
    pub fn usual_completions(&self) -> u64 {
        StopRule::for_shape(self.shape, self.seconds).min_completions
    }

    pub(super) fn stop_rule(&self) -> StopRule {
        let min_completions = self.min_completions.unwrap_or_else(|| self.usual_completions());
        let max_seconds = self.until.map_or(self.max_seconds, |until| until.max_seconds.max(self.seconds));
        StopRule { min_completions, max_seconds, ..StopRule::for_shape(self.shape, self.seconds) }
    }

    /// Longest that warm-up lasts, s.
    pub(super) fn longest_warmup_seconds(&self) -> f64 {
        self.steady.map_or(self.warmup_seconds, |rule| rule.max_seconds)
    }

    /// Streams whose first requests say whether a level has a chance, and whether it can be warm.
    pub(super) fn first_requests(&self) -> u32 {
        match self.shape {
            LoadShape::Open { .. } => 3,
            LoadShape::Closed { .. } | LoadShape::Saturate { .. } => self.places(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let is_span = |seconds: f64| seconds.is_finite() && (0.0..=1e7).contains(&seconds);
        if self.places() == 0 {
            return Err(Error::Plan("it needs at least one stream"));
        }
        let is_rate = |rate: f64| (1e-6..=1e6).contains(&rate);
        let is_open = matches!(self.shape, LoadShape::Open { .. });
        if !is_open && (self.ramp.is_some() || self.schedule.is_some()) {
            return Err(Error::Plan("a ramp or a schedule needs an open loop"));
        }
        if self.ramp.is_some() && self.steady.is_some() {
            return Err(Error::Plan(
                "a ramp begins at the window's start: its warm-up must be seconds, not until throughput is steady",
            ));
        }
        if self.schedule.is_some() && (self.steady.is_some() || self.until.is_some()) {
            return Err(Error::Plan(
                "a trace lasts as long as it does: neither until throughput is steady nor until a figure is known",
            ));
        }
        if let Arrival::Gamma { cv } = self.arrival
            && !(0.01..=100.0).contains(&cv)
        {
            return Err(Error::Plan("the gaps' coefficient of variation must be between 0.01 and 100"));
        }
        let (from, to) = self.ramp.unwrap_or((1.0, 1.0));
        if let LoadShape::Open { requests_per_second: rate } = self.shape
            && !(is_rate(rate) && is_rate(from) && is_rate(to))
        {
            return Err(Error::Plan("the rate must be between 0.000001 and 1000000 requests per second"));
        }
        if !(is_span(self.seconds) && self.seconds > 0.0) {
            return Err(Error::Plan("the seconds must be more than 0"));
        }
        if !is_span(self.warmup_seconds) || !is_span(self.max_seconds) || self.max_seconds < self.seconds {
            return Err(Error::Plan(
                "warm-up and longest window must be seconds, the latter not below the seconds",
            ));
        }
        if self.steady.is_some_and(|rule| !is_span(rule.min_seconds) || !is_span(rule.max_seconds)) {
            return Err(Error::Plan("the least and longest warm-up must be seconds"));
        }
        if self.until.is_some_and(|until| !is_span(until.max_seconds)) {
            return Err(Error::Plan("the longest window must be seconds"));
        }
        if self.prompt_block >= BLOCKS {
            return Err(Error::Plan("the prompt block must be below 4096"));
        }
        if self.prompt_tokens == 0 || self.output_tokens == 0 {
            return Err(Error::Plan("prompt and output need at least one token"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_never_prints_its_key_and_knows_the_loopback() {
        let mut target =
            Target::new("http://127.0.0.1:8000".parse().unwrap(), EngineKind::Vllm, "Qwen/Qwen3-14B");
        target.api_key = Some("sk-secret".to_owned());
        assert!(!format!("{target:?}").contains("sk-secret"));
        assert!(target.shared_host);
        let far = Target::new("https://example.com".parse().unwrap(), EngineKind::Vllm, "m");
        assert!(!far.shared_host);
    }

    #[test]
    fn a_level_needs_its_completions_and_ends_at_the_maximum_of_the_figure_asked_for() {
        let usual = LevelPlan::new(LoadShape::Closed { streams: 2 }, 1.0, 10, 10, 1);
        assert_eq!(usual.stop_rule().min_completions, usual.usual_completions());
        let until = "ci=5%,max=90s".parse().ok();
        let rule = LevelPlan { min_completions: Some(400), until, ..usual }.stop_rule();
        assert_eq!((rule.min_completions, rule.max_seconds), (400, 90.0));
    }

    #[test]
    fn senseless_plans_are_refused() {
        let good = LevelPlan::new(LoadShape::Closed { streams: 1 }, 1.0, 10, 10, 1);
        assert_eq!(good.check(), Ok(()));
        let open = LoadShape::Open { requests_per_second: 1.0 };
        let bad = [
            LevelPlan { shape: LoadShape::Closed { streams: 0 }, ..good.clone() },
            LevelPlan { shape: LoadShape::Open { requests_per_second: f64::NAN }, ..good.clone() },
            LevelPlan { seconds: 0.0, ..good.clone() },
            LevelPlan { warmup_seconds: -1.0, ..good.clone() },
            LevelPlan { max_seconds: 0.5, ..good.clone() },
            LevelPlan { prompt_block: 4096, ..good.clone() },
            LevelPlan { ramp: Some((1.0, 2.0)), ..good.clone() },
            LevelPlan {
                ramp: Some((1.0, 2.0)),
                steady: Some(SteadyRule::from_minimum(1.0)),
                ..LevelPlan::new(open, 1.0, 10, 10, 1)
            },
            LevelPlan {
                schedule: Some(Arc::new([0])),
                until: "ci=5%,max=3s".parse().ok(),
                ..LevelPlan::new(open, 1.0, 10, 10, 1)
            },
            LevelPlan { arrival: Arrival::Gamma { cv: 0.0 }, ..good.clone() },
            LevelPlan { output_tokens: 0, ..good },
        ];
        for plan in bad {
            assert!(matches!(plan.check(), Err(Error::Plan(_))), "{plan:?}");
        }
    }
}
