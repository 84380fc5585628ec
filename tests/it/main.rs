//! The integration tests: one binary, a file a feature.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod admin_api;
mod api;
mod api_actions;
mod architecture;
mod chaos;
mod cli;
mod cloud;
mod corpus;
mod crash;
mod demo;
mod deploy;
mod embedded_pg;
mod engines;
mod gpus;
mod hostile;
mod load;
mod load_shapes;
mod metrics;
mod money;
mod observe;
mod operator;
mod provider_local;
mod queue_admin;
mod reaper;
mod records;
mod roles;
mod rows;
mod runpod;
mod serve;
mod support;
mod truth;
mod windows;
mod workflow;
