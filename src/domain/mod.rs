//! What a benchmark is, and what its numbers mean. Pure: no tokio, no sqlx, no reqwest, no clock.

pub mod catalog;
pub mod community;
pub mod definition;
pub mod explore;
pub mod failure;
pub mod ids;
pub mod job;
pub mod kinds;
pub mod launch;
pub mod matrix;
pub mod measure;
pub mod money;
pub mod names;
pub mod outputs;
pub mod price;
pub mod recommend;
pub mod roofline;
pub mod run;
pub mod schedule;
pub mod seen;
pub mod sizing;
pub mod slo;
pub mod spec;
pub mod step;
pub mod webhook;
pub mod workflow;
