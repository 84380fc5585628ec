//! What somebody at the terminal sees while a level runs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::loadgen::{Phase, Progress};

/// A task that ends when nobody waits for it any more.
pub(super) struct AbortOnDrop(pub(super) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Follows the level on stderr, where somebody looks.
pub(super) async fn show(mut watched: watch::Receiver<Progress>, is_silent: bool) {
    let bar = if is_silent { ProgressBar::hidden() } else { ProgressBar::new(0) };
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} ms") {
        bar.set_style(style);
    }
    let clear = ClearOnDrop(bar);
    while watched.changed().await.is_ok() {
        let progress = watched.borrow_and_update().clone();
        let phase = match progress.phase {
            Phase::Connecting => "connecting",
            Phase::Warmup => "warm-up",
            Phase::Measuring => "measuring",
            Phase::Draining => "draining",
            Phase::Done => "done",
        };
        let length = progress.expected_s.max(progress.elapsed_s);
        clear.0.set_length(Duration::from_secs_f64(length).as_millis() as u64);
        clear.0.set_position(Duration::from_secs_f64(progress.elapsed_s).as_millis() as u64);
        clear.0.set_message(format!(
            "{phase}: {} completed, {} failed, {} in flight",
            progress.completed, progress.errored, progress.in_flight
        ));
    }
}

struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
