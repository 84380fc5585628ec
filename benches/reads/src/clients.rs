//! Clients that ask again as soon as they are answered, or at a pace of their own.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use reqwest::header::ACCEPT_ENCODING;

use super::questions::Question;

/// Clients that ask a server for a while.
pub(crate) struct Round {
    pub(crate) client: reqwest::Client,
    pub(crate) url: String,
    pub(crate) clients: usize,
    pub(crate) length: Duration,
    /// How often each client asks; `None`: as soon as it is answered.
    pub(crate) every: Option<Duration>,
}

/// How long each answer took, by what was asked.
pub(crate) struct Answers {
    by_kind: BTreeMap<&'static str, Vec<Duration>>,
    all: Vec<Duration>,
    took: Duration,
}

impl Round {
    /// Asks the questions by their numbers, each number once.
    pub(crate) async fn go(&self, question: impl Fn(u64) -> Question + Sync) -> anyhow::Result<Answers> {
        let (next, began) = (AtomicU64::new(0), Instant::now());
        let one = async |client: usize| {
            let mut answers = Vec::new();
            // Not all of them at the same moment.
            let mut due = began + self.every.unwrap_or_default().mul_f64(client as f64 / self.clients as f64);
            while began.elapsed() < self.length {
                let Question { kind, path } = question(next.fetch_add(1, Ordering::Relaxed));
                let asked = match self.every {
                    None => Instant::now(),
                    // From when it was meant to be asked: who is kept waiting asks late, and that counts.
                    Some(every) => {
                        tokio::time::sleep_until(due.into()).await;
                        let asked = due;
                        due += every;
                        asked
                    }
                };
                ask(&self.client, &self.url, &path).await?;
                answers.push((kind, asked.elapsed()));
            }
            anyhow::Ok(answers)
        };
        let clients = (0..self.clients).map(one);
        let answers = futures::future::try_join_all(clients).await?;
        Ok(Answers::of(answers.into_iter().flatten(), began.elapsed()))
    }
}

/// Asks once, as a browser does; the answer is read to its end.
pub(crate) async fn ask(client: &reqwest::Client, url: &str, path: &str) -> anyhow::Result<()> {
    let request = client.get(format!("{url}{path}")).header(ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    let answer = request.send().await.with_context(|| path.to_owned())?;
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| path.to_owned())?;
    if !status.is_success() {
        bail!("{path}: {status} {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

impl Answers {
    fn of(answers: impl Iterator<Item = (&'static str, Duration)>, took: Duration) -> Self {
        let mut by_kind: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
        for (kind, answer) in answers {
            by_kind.entry(kind).or_default().push(answer);
        }
        let mut all: Vec<Duration> = by_kind.values().flatten().copied().collect();
        all.sort_unstable();
        for times in by_kind.values_mut() {
            times.sort_unstable();
        }
        Self { by_kind, all, took }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// How long so much of all answers took at most, ms.
    pub(crate) fn at_ms(&self, share: f64) -> f64 {
        at_ms(&self.all, share)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.all.len() as f64 / self.took.as_secs_f64()
    }

    /// A Markdown table of the kinds.
    pub(crate) fn by_kind(&self) -> String {
        let mut text = "| asked | n | p50 | p95 |\n|---|--:|--:|--:|\n".to_owned();
        for (kind, times) in &self.by_kind {
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "| {kind} | {} | {:.1} | {:.1} |",
                times.len(),
                at_ms(times, 0.5),
                at_ms(times, 0.95)
            );
        }
        text
    }
}

fn at_ms(sorted: &[Duration], share: f64) -> f64 {
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
