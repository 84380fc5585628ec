//! The HTTP server: what the store holds, as JSON, CSV and one page for people.
//!
//! It only reads: nothing is started, changed or deleted here, so nobody has to sign in; it listens on this machine
//! alone unless told otherwise. It must not know how a run is worked (`workflow`) or where (`provider`).
//!
//! ```text
//! server ─► routes ─► guard (limits, headers, errors for people or programs) ─► runs, home ─► store
//!                                                                                 home ─► page
//! ```

mod accept;
mod error;
mod guard;
mod home;
mod page;
mod parameters;
mod records;
mod routes;
mod runs;
mod server;

pub use server::{Error, Server, serve};
