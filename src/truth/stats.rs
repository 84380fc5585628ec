//! The true figures: what was really written, and when.

use std::{
    collections::HashSet,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::slots::Slots;

/// Bounds of the published times to first token, s.
const TTFT_BOUNDS_S: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// `GET /stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Generation requests received.
    pub requests: u64,
    /// Last byte of the request read → first token's write returned (time in the queue included), ms.
    pub ttft_ms: Spread,
    /// Per request with two tokens or more: (last − first token's write) ÷ (tokens − 1), ms.
    pub itl_ms: Spread,
    /// Between two writes ÷ the tokens the later one carried, ms: every gap of every request.
    pub gap_ms: Spread,
    /// Most requests served at once.
    pub peak_concurrency: u64,
    /// Most requests served or queued at once.
    pub peak_in_flight: u64,
    /// Different prompts seen.
    pub distinct_prompts: u64,
}

/// A distribution, to four significant digits (the mean to all).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Samples.
    pub n: u64,
}

/// When one request's tokens were written.
#[derive(Debug)]
pub(super) struct Written {
    received: Instant,
    /// Moment after each write, and the tokens it carried.
    writes: Vec<(Instant, u32)>,
}

impl Written {
    pub(super) fn new(received: Instant, writes_expected: usize) -> Self {
        Self { received, writes: Vec::with_capacity(writes_expected) }
    }

    pub(super) fn stamp(&mut self, tokens: u32) {
        self.writes.push((Instant::now(), tokens));
    }
}

/// Collects them, once a request.
#[derive(Debug)]
pub(super) struct Recorder(Mutex<Collected>);

#[derive(Debug)]
struct Collected {
    requests: u64,
    ttft: Samples,
    itl: Samples,
    gap: Samples,
    prompts: HashSet<u64>,
}

#[derive(Debug)]
struct Samples {
    histogram_ns: Histogram<u32>,
    sum_ns: u128,
}

impl Samples {
    fn new() -> io::Result<Self> {
        let one_hour_ns = 3_600_000_000_000;
        let histogram_ns = Histogram::new_with_bounds(1, one_hour_ns, 4).map_err(io::Error::other)?;
        Ok(Self { histogram_ns, sum_ns: 0 })
    }

    fn record(&mut self, sample: Duration) {
        let ns = sample.as_nanos();
        self.sum_ns += ns;
        self.histogram_ns.saturating_record(u64::try_from(ns).unwrap_or(u64::MAX));
    }

    fn clear(&mut self) {
        self.histogram_ns.reset();
        self.sum_ns = 0;
    }

    fn spread_ms(&self) -> Spread {
        let n = self.histogram_ns.len();
        let quantile = |q| (n > 0).then(|| self.histogram_ns.value_at_quantile(q) as f64 / 1e6);
        let mean = (n > 0).then(|| self.sum_ns as f64 / n as f64 / 1e6);
        Spread { p50: quantile(0.5), p99: quantile(0.99), mean, n }
    }
}

impl Recorder {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Mutex::new(Collected {
            requests: 0,
            ttft: Samples::new()?,
            itl: Samples::new()?,
            gap: Samples::new()?,
            prompts: HashSet::new(),
        })))
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        // Counters stay usable whatever a panicking holder was doing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A generation request came in.
    pub(super) fn received(&self, prompt_hash: u64) {
        let mut collected = self.collected();
        collected.requests += 1;
        collected.prompts.insert(prompt_hash);
    }

    /// It was answered, or as far as it was.
    pub(super) fn written(&self, written: &Written) {
        let (Some((first, _)), Some((last, _))) = (written.writes.first(), written.writes.last()) else {
            return;
        };
        let mut collected = self.collected();
        collected.ttft.record(*first - written.received);
        let tokens: u32 = written.writes.iter().map(|(_, tokens)| tokens).sum();
        if tokens > 1 {
            collected.itl.record((*last - *first) / (tokens - 1));
        }
        for pair in written.writes.windows(2) {
            collected.gap.record((pair[1].0 - pair[0].0) / pair[1].1.max(1));
        }
    }

    /// Times to first token since the start or the last reset as a Prometheus histogram: sum (s), samples, and samples
    /// up to each bound (s).
    pub(super) fn ttft_histogram(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let ttft = &self.collected().ttft;
        let up_to = |bound: f64| ttft.histogram_ns.count_between(0, (bound * 1e9) as u64);
        let buckets = TTFT_BOUNDS_S.map(|bound| (bound, up_to(bound))).to_vec();
        (ttft.sum_ns as f64 / 1e9, ttft.histogram_ns.len(), buckets)
    }

    pub(super) fn stats(&self, slots: &Slots) -> Stats {
        let collected = self.collected();
        Stats {
            requests: collected.requests,
            ttft_ms: collected.ttft.spread_ms(),
            itl_ms: collected.itl.spread_ms(),
            gap_ms: collected.gap.spread_ms(),
            peak_concurrency: slots.peak_running(),
            peak_in_flight: slots.peak_in_flight(),
            distinct_prompts: collected.prompts.len() as u64,
        }
    }

    pub(super) fn reset(&self, slots: &Slots) {
        let mut collected = self.collected();
        collected.requests = 0;
        collected.ttft.clear();
        collected.itl.clear();
        collected.gap.clear();
        collected.prompts.clear();
        slots.reset_peaks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_inter_token_latency_is_its_decode_time_per_further_token() {
        let recorder = Recorder::new().unwrap();
        let received = Instant::now();
        let at = |ms| received + Duration::from_millis(ms);
        recorder.received(1);
        recorder.written(&Written { received, writes: vec![(at(100), 1), (at(140), 4), (at(180), 4)] });
        let stats = recorder.stats(&Slots::new(None));
        assert_eq!((stats.ttft_ms.mean, stats.ttft_ms.n), (Some(100.0), 1));
        assert_eq!((stats.itl_ms.mean, stats.itl_ms.n), (Some(10.0), 1));
        assert_eq!((stats.gap_ms.mean, stats.gap_ms.n), (Some(10.0), 2));
        let p50 = stats.ttft_ms.p50.unwrap();
        assert!((p50 - 100.0).abs() < 0.01, "{p50}");
        recorder.reset(&Slots::new(None));
        assert_eq!(recorder.stats(&Slots::new(None)).ttft_ms.p50, None);
    }
}
