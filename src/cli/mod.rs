//! The command line: one file a command.
//!
//! Data goes to stdout, everything else to stderr. Every read takes `--json`. Exit codes are [`Exit`].

#![allow(clippy::doc_markdown, reason = "doc comments of arguments are help texts, read in a terminal")]

mod app;
pub mod ask;
mod attend;
pub mod catalog;
pub mod compare;
mod conclude;
pub mod config;
pub mod database;
pub mod demo;
pub mod doctor;
pub mod find;
pub mod follow;
pub mod gpus;
pub mod import;
pub mod jobs;
pub mod load;
pub mod matrices;
pub mod migrate;
pub mod moderation;
pub mod openapi;
mod output;
pub mod pods;
pub mod prices;
pub mod queues;
pub mod render;
pub mod results;
pub mod run;
pub mod runs;
pub mod scheduler;
pub mod schedules;
pub mod serve;
pub mod services;
pub mod signals;
pub mod site;
mod spec;
pub mod sync;
mod table;
pub mod tokens;
pub mod truth_server;
pub mod up;
pub mod users;
pub mod webhooks;
pub mod worker;
pub mod workflows;

use std::fmt;

pub use app::{Context, main};
pub use output::Output;

/// What a process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The run, or the check, failed.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The environment is at fault: database, port, disk, a missing engine.
    Environment = 3,
    /// The run was cancelled.
    Cancelled = 4,
    /// A budget was hit.
    Budget = 5,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

/// An error for the person at the terminal: what failed, and what to do next.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub exit: Exit,
    /// What failed and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl CliError {
    /// An error with this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Exit 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Exit 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Exit 3.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Exit::Environment, message)
    }

    /// The same error with the next action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

/// What a command returns.
pub type CliResult = Result<Exit, CliError>;
