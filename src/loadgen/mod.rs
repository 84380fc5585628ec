//! The load generator: sends a load of a stated shape to an engine and records every request as it saw it.
//!
//! It has no database and knows no provider; it can be used as a library (`examples/load.rs`). What it records is
//! summarised in `domain::measure`. It depends on `domain` and `engine` only.
//!
//! ```text
//! run_level ─► one thread a shard, each with its own runtime ─► one place a stream: prompt ─► client ─► recorder
//!          └─► watches the clock, the stop rule, progress and cancellation
//! ```

pub mod calibrate;
mod client;
mod error;
mod executor;
mod observe;
mod plan;
#[doc(hidden)]
pub mod probe;
mod progress;
pub mod prompts;
mod random;
pub mod requests;
pub mod search;

pub use calibrate::{TokenCounter, UsageCounter, calibrate};
pub use error::Error;
pub use executor::run_level;
pub use observe::Observer;
pub use plan::{Arrival, LevelPlan, Target};
pub use progress::{ErrorSample, Phase, Progress};
pub use prompts::PromptSet;
pub use requests::Requests;

pub use crate::domain::seen::Calibration;
