//! The log and traces: where they go and what they show. What to log is everybody else's business.

use std::{io::IsTerminal, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// What traces are filed under.
const SERVICE: &str = "dria-bench";

/// How long the last traces may take to be sent when the process ends.
const FLUSH: Duration = Duration::from_secs(2);

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
    /// Traces can't be exported.
    #[error("traces can't be exported: {0}. Correct OTEL_EXPORTER_OTLP_ENDPOINT, or unset it")]
    Traces(String),
    /// A log was set up before.
    #[error("the log is set up already")]
    Twice,
}

/// Sends what is left of the traces when it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            // A collector that is away costs the process nothing but this wait.
            let _ = provider.shutdown_with_timeout(FLUSH);
        }
    }
}

/// Sends the log to stderr, filtered, as lines for people or as one JSON object a line; and, where `traces` are wanted,
/// the spans that pass the filter to the collector that the `OTEL_` variables name.
///
/// Colours only on a terminal, and not when `NO_COLOR` is set. Spans are sent from a thread of their own: a collector
/// that is slow or away loses traces and delays nobody.
///
/// # Errors
/// A filter that can't be read, an endpoint that is none, or a second call.
pub fn init(filter: &str, json: bool, traces: bool) -> Result<Telemetry, Error> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Error::Filter { filter: filter.to_owned(), reason: error.to_string() })?;
    let provider = traces.then(exporter).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
    });
    let lines = fmt::layer().with_writer(std::io::stderr);
    let colours = std::io::stderr().is_terminal() && !crate::config::no_color();
    let registry = registry().with(filter).with(spans);
    let done = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(colours).with_target(false)).try_init()
    };
    done.map_err(|_| Error::Twice)?;
    Ok(Telemetry(provider))
}

fn exporter() -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| Error::Traces(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name(SERVICE)
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_refused_with_the_reason() {
        let error = init("dria_bench=loud", false, false).unwrap_err();
        assert!(error.to_string().starts_with("the log filter `dria_bench=loud` can't be used"), "{error}");
    }
}
