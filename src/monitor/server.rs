//! `/metrics`, `/healthz` and `/readyz` of a process that serves nothing else.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Refused, may_read, metrics_text};
use crate::store::workers;

/// How long the database may take to say that all is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// What makes a process ready.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Queues that it works; each needs a worker of it that beats. Empty: the database is enough.
    pub queues: Vec<String>,
    /// What the names of its workers begin with.
    pub worker_prefix: String,
    /// How long after a sign of life a worker counts as alive.
    pub silent: Duration,
}

/// Why the server can't be started.
#[derive(Debug, thiserror::Error)]
#[error("metrics can't be served at {address}: {source}")]
pub struct Error {
    address: SocketAddr,
    source: io::Error,
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct MonitorServer {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl MonitorServer {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MonitorServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = State<Arc<(PgPool, Readiness)>>;

/// Serves at `address` until dropped.
///
/// # Errors
/// When it can't be listened on.
pub async fn serve(address: SocketAddr, pool: PgPool, ready: Readiness) -> Result<MonitorServer, Error> {
    let failed = |source| Error { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(Arc::new((pool, ready)))
        .into_make_service_with_connect_info::<SocketAddr>();
    Ok(MonitorServer { address, task: tokio::spawn(axum::serve(listener, routes).into_future()) })
}

async fn metrics(
    State(shared): Shared,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let (pool, ready) = &*shared;
    match may_read(pool, Some(peer), &headers).await {
        Ok(()) => {
            let text = metrics_text(pool, ready.silent).await;
            ([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], text).into_response()
        }
        Err(refused @ Refused::Stranger) => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], format!("{refused}\n"))
                .into_response()
        }
        Err(Refused::Ledger(error)) => {
            tracing::warn!(%error, "who asks for metrics can't be looked up");
            (StatusCode::SERVICE_UNAVAILABLE, "the database can't answer now\n").into_response()
        }
    }
}

async fn readyz(State(shared): Shared) -> Response {
    let (pool, ready) = &*shared;
    let asked = tokio::time::timeout(PATIENCE, async {
        let mut conn = pool.acquire().await?;
        workers::beating(&mut conn, &ready.worker_prefix, ready.silent.as_secs_f64()).await
    });
    let unready = |why: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
    match asked.await {
        Ok(Ok(beating)) => match ready.queues.iter().find(|queue| !beating.contains(queue)) {
            None => "ready\n".into_response(),
            Some(queue) => unready(format!("no worker of this process beats on the queue {queue}")),
        },
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            unready("the database can't be reached".to_owned())
        }
        Err(_) => unready("the database does not answer".to_owned()),
    }
}
