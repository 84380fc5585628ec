//! The integration tests: one binary, a file a feature.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod api;
mod api_actions;
mod api_v1;
mod architecture;
mod chaos;
mod cli;
mod cloud;
mod corpus;
mod crash;
mod demo;
mod embedded_pg;
mod engines;
mod gpus;
mod hostile;
mod load;
mod load_shapes;
mod money;
mod observe;
mod operator;
mod provider_local;
mod reaper;
mod records;
mod rows;
mod runpod;
mod serve;
mod support;
mod truth;
mod windows;
mod workflow;
