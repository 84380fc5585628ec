//! Opening connections: plain TCP, or TLS checked against the system's trust store.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, crypto::aws_lc_rs, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    arrival::Arrivals,
    error::{ErrorCode, RequestError},
};

/// Longest a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Knows how to reach one server. Cloned into every thread that sends.
#[derive(Clone)]
pub(crate) struct Connector {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("address", &self.address)
            .field("tls", &self.tls.as_ref().map(|(_, name)| name))
            .finish()
    }
}

/// The client's side of TLS, trusting what the system trusts.
pub(crate) fn system_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl Connector {
    /// Plain TCP to this address.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// TLS to this address, for the server of this name.
    pub(crate) fn tls(address: SocketAddr, name: ServerName<'static>, config: Arc<ClientConfig>) -> Self {
        Self { address, tls: Some((TlsConnector::from(config), name)) }
    }

    /// Where it connects to.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long a bare TCP connect takes: one round trip.
    pub(crate) async fn connect_time(&self) -> Result<Duration, RequestError> {
        let start = Instant::now();
        within_limit(TcpStream::connect(self.address)).await?;
        Ok(start.elapsed())
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Connection, RequestError> {
        let tcp = within_limit(TcpStream::connect(self.address)).await?;
        tcp.set_nodelay(true).map_err(|error| RequestError::connecting(&error))?;
        let io = match &self.tls {
            None => Io::Plain(Arrivals::of(&tcp), tcp),
            Some((connector, name)) => {
                let handshake = tokio::time::timeout(CONNECT_TIMEOUT, connector.connect(name.clone(), tcp));
                match handshake.await {
                    Ok(Ok(stream)) => Io::Tls(Box::new(stream)),
                    Ok(Err(error)) => return Err(RequestError::new(ErrorCode::Tls, error)),
                    Err(_) => {
                        return Err(RequestError::new(ErrorCode::ConnectTimeout, "no TLS handshake in 5 s"));
                    }
                }
            }
        };
        Ok(Connection { io, is_used: false })
    }
}

async fn within_limit<T>(connecting: impl Future<Output = io::Result<T>>) -> Result<T, RequestError> {
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(result) => result.map_err(|error| RequestError::connecting(&error)),
        Err(_) => Err(RequestError::new(ErrorCode::ConnectTimeout, "no connection in 5 s")),
    }
}

enum Io {
    Plain(Arrivals, TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// An open connection.
pub(crate) struct Connection {
    io: Io,
    /// It has answered a request, so the server may have closed it since.
    pub(super) is_used: bool,
}

impl Connection {
    /// Reads what is there, and when it came.
    pub(super) async fn read(&mut self, into: &mut [u8]) -> io::Result<(usize, Instant)> {
        match &mut self.io {
            Io::Plain(arrivals, stream) => arrivals.read(stream, into).await,
            Io::Tls(stream) => {
                let read = stream.read(into).await?;
                Ok((read, Instant::now()))
            }
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.io {
            Io::Plain(_, stream) => stream.write_all(bytes).await,
            Io::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}
