//! The only consumers of apalis: workers that take tokens, and the chores that run beside them.

pub mod billing;
pub mod chores;
mod gate;
pub mod host;
mod matrices;
mod reaper;
mod recover;
pub mod scheduler;
mod wake;
mod webhooks;
pub mod worker;

pub use gate::SharedGate;
pub use reaper::{Reaped, reap};
pub use recover::bury_dead_workers;
pub use scheduler::{Scheduler, SchedulerOptions};
pub use worker::{WorkerOptions, WorkerSet};
