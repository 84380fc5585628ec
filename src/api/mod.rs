//! The HTTP server: what the store holds, as JSON, CSV and the site; and steering runs.
//!
//! Reads are public, and without a token redacted. Steering needs a token with the role for it, and moves runs through the
//! ledger, as commands do. It listens on this machine alone unless told otherwise and an admin token exists. It must not
//! know how a run is worked (`workflow`) or where (`provider`).
//!
//! ```text
//! server ─► routes ─► caller (request id, log) ─► cors ─► guard (headers, errors for people or programs) ─► rate ─► limits
//!             │ one function a resource, with its part of the OpenAPI document
//!             ├─► v1 ─► auth, redact, store, report, ledger
//!             ├─► legacy: the paths from before /api/v1, with their own errors
//!             ├─► health, docs
//!             ├─► home ─► site
//!             └─► site: its files and pages, and 404; page: what is said without it
//! ```

mod accept;
mod app;
mod auth;
mod cache;
mod caller;
mod compress;
mod cookies;
mod cors;
mod docs;
mod error;
mod error_codes;
mod explorer;
mod feed;
mod fields;
mod guard;
mod health;
mod home;
mod idempotency;
mod legacy;
mod monitoring;
mod openapi;
mod origin;
mod page;
mod parameters;
mod person;
mod principal;
mod public;
mod rate;
mod redact;
mod refusals;
mod routes;
mod server;
mod site;
mod streams;
mod v1;
mod versions;

pub use openapi::document;
pub use server::{Error, Extras, Server, serve, serve_with};
