//! From per-request records to published numbers: every formula of `docs/methodology.md`, once.

pub mod record;
pub mod summary;
