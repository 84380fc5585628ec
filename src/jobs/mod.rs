//! The only consumers of apalis: workers that take tokens, and the chores that run beside them.

pub mod billing;
mod gate;
pub mod host;
mod reaper;
mod recover;
mod wake;
pub mod worker;

pub use gate::SharedGate;
pub use reaper::{Reaped, reap};
pub use recover::bury_dead_workers;
pub use worker::{WorkerOptions, WorkerSet};
