//! The HTTP server: what the store holds, as JSON, CSV and one page for people; and steering runs.
//!
//! Reads are public. Steering needs a token with the role for it, and moves runs through the ledger, as commands do. It
//! listens on this machine alone unless told otherwise and an admin token exists. It must not know how a run is worked (`workflow`) or where (`provider`).
//!
//! ```text
//! server ─► routes ─► guard (limits, headers, errors for people or programs) ─► runs, home ─► store
//!                                                                                 home ─► page
//!                                                                 actions ─► auth, ledger
//! ```

mod accept;
mod actions;
mod admin;
mod auth;
mod error;
mod guard;
mod home;
mod monitoring;
mod page;
mod parameters;
mod records;
mod routes;
mod runs;
mod server;

pub use server::{Error, Server, serve};
