//! `dria-bench truth-server`: an engine of known timing, to check load generators against.

use std::{net::Ipv4Addr, time::Duration};

use tokio::net::TcpListener;

use super::{CliError, CliResult, Exit, Output, signals::Stop};
use crate::truth::{self, Settings};

/// Serve as an engine of known timing on 127.0.0.1, until Ctrl-C.
///
/// It speaks OpenAI completions (/v1/completions) and Ollama (/api/generate), writes each token at an absolute deadline
/// and stamps it right after. A token is a word. GET /stats gives the true figures and POST /reset starts them again;
/// POST /faults scripts faults, e.g. `{"fault":"status","status":429,"retry_after_s":1,"next":3}`, or reset, truncate,
/// malformed, error and stall with `after_tokens`, or empty, or `close_after`.
///
/// When it listens it prints `ready http://127.0.0.1:PORT` on stdout.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8080)]
    pub port: u16,
    /// Last byte of the request read to first token, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100.0, value_parser = milliseconds)]
    pub ttft_ms: f64,
    /// Between tokens, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10.0, value_parser = milliseconds)]
    pub itl_ms: f64,
    /// Tokens of an answer whose request names no number
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub output_tokens: u32,
    /// Requests served at once; the rest queue, first come, first served [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub slots: Option<u32>,
    /// Tokens in each event after the first, which holds one
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub tokens_per_chunk: u32,
    /// Version to tell at /version, as vLLM tells its own [default: it has none]
    #[arg(long, value_name = "VERSION")]
    pub engine_version: Option<String>,
}

fn milliseconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ms) if (0.0..=3_600_000.0).contains(&ms) => Ok(ms),
        _ => Err("give milliseconds between 0 and 3600000".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// When the port can't be listened on.
pub async fn run(args: Args, output: Output) -> CliResult {
    let environment = |error: std::io::Error| {
        CliError::environment(format!("port {} of 127.0.0.1 can't be listened on: {error}", args.port))
            .hint("choose another with --port, or 0 for a free one")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(environment)?;
    let settings = Settings {
        ttft: Duration::from_secs_f64(args.ttft_ms / 1000.0),
        itl: Duration::from_secs_f64(args.itl_ms / 1000.0),
        output_tokens: args.output_tokens,
        slots: args.slots,
        tokens_per_chunk: args.tokens_per_chunk,
        version: args.engine_version,
        ..Settings::default()
    };
    let mut stop = Stop::new()?;
    let server = truth::serve(settings, listener).await.map_err(environment)?;
    output.data(format!("ready {}", server.url()));
    stop.asked().await;
    server.shut_down().await;
    Ok(Exit::Done)
}
