//! The engine's own counters around and during a level, to check the client's counts against.
//!
//! Counters that can't be read are no error: the row then has no cross-check. It reads over connections of its own and
//! never touches a measured one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use super::Target;
use crate::{
    domain::{
        kinds::EngineKind,
        measure::{
            observed::{CrossCheck, EngineMetrics, Readings},
            record::LevelRecords,
        },
    },
    engine::{self, Endpoint, Engine},
};

/// Longest that one reading may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an engine is asked during a level.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Readings after a level, so that an engine which counts a moment later is not wronged, and the wait between them.
const SETTLING_READS: u32 = 5;
const SETTLING_PAUSE: Duration = Duration::from_millis(200);

/// The counters of one engine, read by HTTP.
#[derive(Clone)]
struct Reader {
    engine: Arc<dyn Engine>,
    endpoint: Endpoint,
}

impl Reader {
    /// One reading; `None` when the engine doesn't answer in time or has no counter of tokens.
    async fn read(&self) -> Option<EngineMetrics> {
        let reading = tokio::time::timeout(READ_TIMEOUT, self.engine.engine_metrics(&self.endpoint)).await;
        let metrics = match reading {
            Ok(Ok(metrics)) => metrics,
            Ok(Err(failure)) => {
                tracing::debug!(code = %failure.code, "the engine's counters can't be read");
                return None;
            }
            Err(_) => return None,
        };
        metrics.generation_tokens_total.is_some().then_some(metrics)
    }
}

/// Watches an engine's counters while a level runs. Dropping it ends the watching.
pub struct Observer {
    reader: Reader,
    before: Option<EngineMetrics>,
    during: Arc<Mutex<Vec<EngineMetrics>>>,
    sampling: Option<JoinHandle<()>>,
}

impl Observer {
    /// Reads the counters, and goes on reading them once a second (ten times in a level of less than ten seconds).
    pub async fn start(target: &Target, seconds: f64) -> Self {
        let endpoint = Endpoint {
            base_url: target.base_url.clone(),
            api_key: target.api_key.clone(),
            through_proxy: target.through_proxy,
        };
        let reader = Reader { engine: engine::engine(target.engine), endpoint };
        let before = reader.read().await;
        let during = Arc::<Mutex<Vec<EngineMetrics>>>::default();
        let sampling = before.is_some().then(|| {
            let tenth = Duration::try_from_secs_f64(seconds / 10.0).unwrap_or(SAMPLE_EVERY);
            let every = tenth.clamp(Duration::from_millis(50), SAMPLE_EVERY);
            tokio::spawn(sample(reader.clone(), every, Arc::clone(&during)))
        });
        Self { reader, before, during, sampling }
    }

    /// Reads them again and compares. `output_tokens` is what each request asked for.
    pub async fn finish(mut self, level: &LevelRecords, output_tokens: u32) -> Option<CrossCheck> {
        if let Some(sampling) = self.sampling.take() {
            sampling.abort();
        }
        if self.reader.engine.kind() == EngineKind::Ollama {
            return CrossCheck::with_answers(level);
        }
        let before = self.before.take()?;
        let during = std::mem::take(&mut *self.during.lock().unwrap_or_else(PoisonError::into_inner));
        let mut readings = Readings { before, during, ..Readings::default() };
        let mut check = None;
        for read in 0..SETTLING_READS {
            if read > 0 {
                tokio::time::sleep(SETTLING_PAUSE).await;
            }
            let Some(after) = self.reader.read().await else { break };
            let is_idle = after.running.is_none_or(|running| running == 0.0);
            readings.after = after;
            check = CrossCheck::with_metrics(level, output_tokens, &readings);
            if check.as_ref().is_none_or(|check| is_idle && !check.is_mismatch()) {
                break;
            }
        }
        check
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(sampling) = &self.sampling {
            sampling.abort();
        }
    }
}

async fn sample(reader: Reader, every: Duration, into: Arc<Mutex<Vec<EngineMetrics>>>) {
    loop {
        tokio::time::sleep(every).await;
        if let Some(mut metrics) = reader.read().await {
            // Only gauges are of interest in between; histograms are long.
            (metrics.ttft_s, metrics.queue_s) = (None, None);
            into.lock().unwrap_or_else(PoisonError::into_inner).push(metrics);
        }
    }
}
