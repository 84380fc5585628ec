//! Listening, and stopping in order.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::serve::ListenerExt as _;
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    app::App, feed::Feed, legacy::Often, origin::Site, routes, streams::Streams, versions::Versions,
};
use crate::{
    assistant::Assistant, community::Moderator, config, people::People, store::api_tokens, webhooks,
};

/// How long answers under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the server can't be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else listens there.
    #[error("port {} of {} is taken by another program", .0.port(), .0.ip())]
    PortTaken(SocketAddr),
    /// Anybody could ask, and nobody could be told to stop.
    #[error("{0} can be reached from other machines, and there is no admin token yet")]
    NoAdmin(SocketAddr),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The system doesn't let us listen there.
    #[error("{address} can't be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

/// A running server. Dropped without [`Server::stop`] it ends with the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL as this machine reaches it, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// Closes the port, lets answers under way end, and returns; after 5 s it waits no longer.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        match tokio::time::timeout(DRAIN, &mut self.task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the server ended with an error"),
            Ok(Err(error)) => tracing::warn!(%error, "the server's task ended early"),
            Err(_) => {
                tracing::warn!("an answer took longer than the server had left; it is cut off");
                self.task.abort();
            }
        }
    }
}

/// An address as a URL that leads there from this machine.
fn url_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}")
}

/// Serves what the store holds at the address of the settings. Returns once it listens.
///
/// # Errors
/// When the port is taken or can't be listened on, or it is beyond this machine and no admin token exists.
pub async fn serve(settings: &config::Server, pool: PgPool) -> Result<Server, Error> {
    serve_with(settings, pool, Extras::default()).await
}

/// What a server works with beside its own settings; by default, what needs none.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Who decides whether comments are posted.
    pub moderator: Moderator,
    /// How messages to webhooks are sent.
    pub webhooks: webhooks::Settings,
    /// Who answers questions; `None`: nobody is set up to.
    pub assistant: Option<Assistant>,
    /// The MongoDB database that is published to; `None`: nothing is.
    pub publishes_to: Option<String>,
}

/// The same as [`serve`], with these.
///
/// # Errors
/// The same.
pub async fn serve_with(settings: &config::Server, pool: PgPool, extras: Extras) -> Result<Server, Error> {
    let address = SocketAddr::new(settings.host, settings.port);
    if !address.ip().is_loopback() {
        let mut conn = pool.acquire().await.map_err(crate::store::Error::from)?;
        if !api_tokens::has_admin(&mut conn).await? {
            return Err(Error::NoAdmin(address));
        }
    }
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => Error::PortTaken(address),
        _ => Error::Listen { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stopping = CancellationToken::new();
    let app = App {
        feed: Arc::new(Feed::new(pool.clone())),
        versions: Arc::new(Versions::start(pool.clone())),
        pool,
        cache: Arc::default(),
        explorer: Arc::default(),
        streams: Streams::new(settings.streams_per_address.get()),
        often: Arc::new(Often::default()),
        stopping: stopping.clone(),
        assistant: extras.assistant,
        publishes_to: extras.publishes_to,
        moderator: extras.moderator,
        webhooks: Arc::new(extras.webhooks),
        people: People::new(&settings.sign_in),
        site: Arc::new(Site::new(settings, url_of(address))),
    };
    let routes = routes::router(app, settings).into_make_service_with_connect_info::<SocketAddr>();
    // An answer goes in two pieces where it is compressed on its way: the second must not wait until the first is confirmed.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let served = axum::serve(listener, routes).with_graceful_shutdown(stopping.clone().cancelled_owned());
    Ok(Server { address, stopping, task: tokio::spawn(served.into_future()) })
}
