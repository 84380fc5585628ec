//! dria-bench: durable LLM-inference benchmarks.
//!
//! A benchmark is a **run**: a durable workflow of steps whose truth is in PostgreSQL. The rooms of the house,
//! an arrow meaning "may be used by" (`tests/it/architecture.rs` enforces it):
//!
//! ```text
//! domain ─► engine ─► loadgen, truth
//! domain ─► provider, store
//! store  ─► queue, report, prices
//! store, queue ─► ledger
//! ledger, metrics ─► monitor
//! report, ledger, monitor ─► api
//! engine, provider, loadgen, ledger, metrics ─► workflow ─► jobs
//! prices ─► jobs
//! all of them ─► cli
//! ```
//!
//! `config`, `definitions`, `telemetry`, `embedded_pg`, `http`, `retry` and `clock` serve all but `domain`, which is
//! pure.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod definitions;
pub mod domain;
pub mod embedded_pg;
pub mod engine;
pub mod http;
pub mod jobs;
pub mod ledger;
pub mod loadgen;
pub mod metrics;
pub mod monitor;
pub mod prices;
pub mod provider;
pub mod queue;
pub mod report;
pub mod retry;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod truth;
pub mod workflow;
