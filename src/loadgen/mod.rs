//! The load generator: sends a load of a stated shape to an engine and records every request as it saw it.
//!
//! It has no database and knows no provider; it can be used as a library. What it records is summarised in
//! `domain::measure`. It depends on `domain` and `engine` only. Two streams for half a second against an engine of known
//! timing (`examples/load.rs` is a whole program):
//!
//! ```
//! # use std::time::Duration;
//! use dria_bench::{
//!     domain::{kinds::EngineKind, measure::{record::LoadShape, summarise}},
//!     loadgen::{Calibration, LevelPlan, Progress, PromptSet, Target, run_level},
//!     truth,
//! };
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let timing = truth::Settings { ttft: Duration::from_millis(5), itl: Duration::from_millis(1), ..truth::Settings::default() };
//! let server = truth::serve(timing, listener).await?;
//!
//! let target = Target::new(server.url().parse()?, EngineKind::Truth, "truth");
//! let plan = LevelPlan::new(LoadShape::Closed { streams: 2 }, 0.5, 16, 16, 42);
//! let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());
//! let (progress, _watched) = tokio::sync::watch::channel(Progress::default());
//! let level = run_level(&target, &plan, &prompts, progress, tokio_util::sync::CancellationToken::new()).await?;
//!
//! let summary = summarise(&level);
//! assert!(summary.errors.is_empty());
//! assert_eq!(summary.measured.columns.output_token_count, Some(16.0));
//! # Ok(())
//! # }
//! ```
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
