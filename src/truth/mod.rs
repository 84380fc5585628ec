//! The truth server: an engine of known timing that speaks the engines' protocols and says when it really wrote
//! each token. It is what the load generator is checked against, and an engine (`--engine truth`) for tests.
//!
//! A request's service starts when the last byte of it was read, or when a slot became free if it had to queue.
//! Token *i* is due at service start + TTFT + *i* × ITL, an absolute deadline, so lateness never adds up; it is
//! stamped right after the write that carried it returned. Its own HTTP/1.1, so that nothing stands between a
//! stamp and the socket. It generates no language and must not know how it is measured.

mod faults;
mod generate;
mod http;
#[doc(hidden)]
pub mod probe;
mod protocol;
mod routes;
mod slots;
mod stats;

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

pub use faults::{Fault, FaultKind};
pub use stats::{Spread, Stats};

use self::{faults::Faults, slots::Slots, stats::Recorder};

/// How the engine behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Service start to first token.
    pub ttft: Duration,
    /// Between tokens.
    pub itl: Duration,
    /// Output length where a request names none, tokens.
    pub output_tokens: u32,
    /// Requests served at once; the rest queue, first come, first served. `None`: no limit.
    pub slots: Option<u32>,
    /// Tokens in each event after the first (which holds one), as engines do that stream at an interval. An event
    /// is written when its last token is due.
    pub tokens_per_chunk: u32,
    /// The model's name in the lists. Requests may name any.
    pub model: String,
    /// The version it tells where vLLM tells its own; `None`: there is no such route.
    pub version: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(100),
            itl: Duration::from_millis(10),
            output_tokens: 64,
            slots: None,
            tokens_per_chunk: 1,
            model: "truth".to_owned(),
            version: None,
        }
    }
}

/// What all connections share. Nothing here is touched between two tokens.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    slots: Slots,
    recorder: Recorder,
    faults: Faults,
    prompt_tokens_total: AtomicU64,
    generation_tokens_total: AtomicU64,
    /// Models that were pulled, beside the one of the settings.
    pulled: Mutex<BTreeSet<String>>,
    /// Answers that came to their end.
    completed_total: AtomicU64,
}

/// A running truth server. Dropping it closes the port and every connection at once, as a killed engine would.
#[derive(Debug)]
pub struct TruthServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

impl TruthServer {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The true figures since the start or the last reset (`GET /stats`).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.recorder.stats(&self.shared.slots)
    }

    /// Output tokens written since the start.
    #[must_use]
    pub fn generation_tokens_total(&self) -> u64 {
        self.shared.generation_tokens_total.load(Ordering::Relaxed)
    }

    /// Scripts a fault for the next requests (`POST /faults`).
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.push(fault);
    }

    /// Stops, and returns when the port is closed.
    pub async fn shut_down(mut self) {
        self.acceptor.abort();
        // The only possible error is the cancellation asked for in the line above.
        drop((&mut self.acceptor).await);
    }
}

impl Drop for TruthServer {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Starts serving on this listener.
///
/// # Errors
/// When the listener has no address, or a setting is out of range.
#[expect(clippy::unused_async, reason = "it spawns on the runtime it is awaited in")]
pub async fn serve(settings: Settings, listener: TcpListener) -> io::Result<TruthServer> {
    if settings.slots == Some(0) || settings.tokens_per_chunk == 0 || settings.output_tokens == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "slots, tokens per chunk and output tokens must be at least 1",
        ));
    }
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        slots: Slots::new(settings.slots),
        recorder: Recorder::new()?,
        faults: Faults::default(),
        pulled: Mutex::default(),
        prompt_tokens_total: AtomicU64::new(0),
        generation_tokens_total: AtomicU64::new(0),
        completed_total: AtomicU64::new(0),
        settings,
    });
    let acceptor = tokio::spawn(accept(Arc::clone(&shared), listener));
    Ok(TruthServer { address, shared, acceptor })
}

/// Accepts until aborted; the connections die with it.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(routes::connection(Arc::clone(&shared), stream));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: the ones in use must end first.
                    tracing::warn!(%error, "the truth server could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
