//! What a benchmark is, and what its numbers mean. Pure: no tokio, no sqlx, no reqwest, no clock.

pub mod catalog;
pub mod failure;
pub mod ids;
pub mod kinds;
pub mod measure;
pub mod run;
pub mod schedule;
pub mod spec;
pub mod step;
pub mod workflow;
