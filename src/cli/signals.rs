//! Being asked to stop: Ctrl-C, SIGTERM, and a terminal that goes away.
//!
//! Signals belong to the process, so there is one listener; what it hears waits until somebody handles it. A request
//! that comes while the database is being opened is not lost, and never ends the process half-way. Only a request that
//! finds the one before still unheard ends it on the spot.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{CliError, Exit};

/// Signals that come so soon after another are one request: `timeout`, `make` and shells send theirs to the process and
/// to its group.
const SAME_REQUEST: Duration = Duration::from_millis(700);

/// How an end was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Ctrl-C: somebody is at the terminal.
    Interrupt,
    /// SIGTERM: a supervisor, or a `kill`.
    Terminate,
    /// The terminal went away, and whoever sat there with it.
    HangUp,
}

/// Waits for signals that ask for an end.
#[derive(Debug, Clone)]
pub struct Stop {
    waiting: Arc<watch::Sender<Option<Asked>>>,
}

impl Stop {
    /// Starts listening, if nobody has yet. From then on signals don't end the process by themselves.
    ///
    /// # Errors
    /// Exit 3 when the system doesn't let us listen.
    pub fn new() -> Result<Self, CliError> {
        static LISTENER: OnceLock<Stop> = OnceLock::new();
        if let Some(stop) = LISTENER.get() {
            return Ok(stop.clone());
        }
        let failed =
            |error: std::io::Error| CliError::environment(format!("signals can't be listened for: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        // `nohup` has it ignored, and means it.
        let hang_up = if is_ignored(SignalKind::hangup()) {
            None
        } else {
            Some(signal(SignalKind::hangup()).map_err(failed)?)
        };
        let stop = Self { waiting: Arc::new(watch::Sender::new(None)) };
        tokio::spawn(listen(interrupt, terminate, hang_up, Arc::clone(&stop.waiting)));
        Ok(LISTENER.get_or_init(|| stop).clone())
    }

    /// Returns when an end is asked for, or was and nobody has handled it yet.
    pub async fn asked(&mut self) {
        self.asked_how().await;
    }

    /// Waits for `draining` to end. Asked a second time meanwhile, the process ends at once: what was under way is found
    /// by others when its lease runs out.
    pub async fn or_at_once(&mut self, draining: impl Future<Output = ()>) {
        tokio::select! {
            () = draining => {}
            () = self.asked() => std::process::exit(i32::from(Exit::Interrupted as u8)),
        }
    }

    /// As [`Stop::asked`], and how it was asked for.
    pub async fn asked_how(&mut self) -> Asked {
        let mut heard = self.waiting.subscribe();
        loop {
            let mut asked = None;
            self.waiting.send_if_modified(|waiting| {
                asked = waiting.take();
                false
            });
            if let Some(asked) = asked {
                return asked;
            }
            // The sender is ours: this can't fail while we wait.
            let _ = heard.changed().await;
        }
    }
}

async fn listen(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hang_up: Option<Signal>,
    waiting: Arc<watch::Sender<Option<Asked>>>,
) {
    let mut last: Option<Instant> = None;
    loop {
        let asked = tokio::select! {
            _ = interrupt.recv() => Asked::Interrupt,
            _ = terminate.recv() => Asked::Terminate,
            () = async { match hang_up.as_mut() {
                Some(hang_up) => { hang_up.recv().await; }
                None => std::future::pending().await,
            } } => Asked::HangUp,
        };
        if last.is_none_or(|last| last.elapsed() > SAME_REQUEST)
            && waiting.send_replace(Some(asked)).is_some()
        {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
        last = Some(Instant::now());
    }
}

/// Whether the process was started with the signal ignored. Where that can't be seen it wasn't.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
