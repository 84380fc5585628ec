//! The log: where it goes and what it shows. What to log is everybody else's business.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// Why the log can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter isn't in the syntax of `RUST_LOG`.
    #[error(
        "the log filter `{filter}` can't be used: {reason}. Write it like `info` or `warn,dria_bench=debug`"
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// The parser's words.
        reason: String,
    },
    /// A log was set up before.
    #[error("the log is set up already")]
    Twice,
}

/// Sends the log to stderr, filtered, as lines for people or as one JSON object a line.
///
/// Colours only on a terminal, and not when `NO_COLOR` is set.
///
/// # Errors
/// A filter that can't be read, or a second call.
pub fn init(filter: &str, json: bool) -> Result<(), Error> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Error::Filter { filter: filter.to_owned(), reason: error.to_string() })?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let colours = std::io::stderr().is_terminal() && !crate::config::no_color();
    let registry = registry().with(filter);
    let done = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(colours).with_target(false)).try_init()
    };
    done.map_err(|_| Error::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_refused_with_the_reason() {
        let error = init("dria_bench=loud", false).unwrap_err();
        assert!(error.to_string().starts_with("the log filter `dria_bench=loud` can't be used"), "{error}");
    }
}
