//! Our own HTTP/1.1 client for what is timed: one connection a stream, kept alive, and the arrival time that of the
//! kernel, or else taken right after the read that brought the bytes returns, before anything looks at them.
//!
//! It doesn't allocate for a token. It must not know about load shapes, levels or records.

mod arrival;
mod body;
mod connection;
mod error;
mod exchange;
pub(super) mod probe;

pub(crate) use connection::{Connection, Connector, system_tls};
pub(crate) use error::{ErrorCode, RequestError};
pub(crate) use exchange::{Exchange, Failed};

#[cfg(test)]
mod tests;
