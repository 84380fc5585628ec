//! What is between a MongoDB driver and its server, and stops where a test wants to be: at the first commit.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// Where it stops.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// The server hasn't heard of the commit.
    Asking,
    /// The server has committed and said so; nobody has heard of it.
    Answer,
}

/// A relay that stops once, until it is told to go on; then it breaks the connection that it stopped.
pub(crate) struct Relay {
    /// What to connect to instead of the server.
    pub(crate) url: String,
    /// Told when it has stopped.
    pub(crate) stopped: oneshot::Receiver<()>,
    /// Tells it to go on.
    pub(crate) go_on: oneshot::Sender<()>,
}

struct Stop {
    at: At,
    stopped: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

impl Relay {
    pub(crate) async fn start(server: SocketAddr, at: At) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Directly: a member of a set would tell the driver where it really is.
        let url = format!("mongodb://{}/?directConnection=true", listener.local_addr().unwrap());
        let (tell, stopped) = oneshot::channel();
        let (go_on, told) = oneshot::channel();
        let stop = Arc::new(Mutex::new(Some(Stop { at, stopped: tell, go_on: told })));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, server, Arc::clone(&stop)));
            }
        });
        Self { url, stopped, go_on }
    }
}

/// Passes on what both say, until either has nothing more to say.
async fn connection(mut client: TcpStream, server: SocketAddr, stop: Arc<Mutex<Option<Stop>>>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(n @ 1..) = read else { return };
                let is_commit = asked[..n].windows(17).any(|part| part == b"commitTransaction");
                let stop = if is_commit { stop.lock().unwrap().take() } else { None };
                if let Some(stop) = stop {
                    if matches!(stop.at, At::Answer) {
                        server.write_all(&asked[..n]).await.unwrap();
                        assert!(server.read(&mut said).await.unwrap() > 0);
                    }
                    stop.stopped.send(()).unwrap();
                    stop.go_on.await.unwrap();
                    return;
                }
                if server.write_all(&asked[..n]).await.is_err() { return }
            }
            read = server.read(&mut said) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&said[..n]).await.is_err() { return }
            }
        }
    }
}
