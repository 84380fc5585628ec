//! A real HTTP server on a free port that answers with recorded bytes, whole, byte by byte or cut short.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use dria_bench::engine::Endpoint;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

/// How an answer goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// In one write.
    Whole,
    /// Each byte of the body in a write, and where the body is chunked in a chunk, of its own.
    ByteByByte,
    /// This many bytes of the body, then the connection breaks.
    CutAfter(usize),
}

#[derive(Clone)]
struct Reply {
    head: String,
    body: Vec<u8>,
    delivery: Delivery,
}

/// What a client sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) route: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

/// The server; it ends with its value.
pub(crate) struct Replay {
    pub(crate) endpoint: Endpoint,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Routes under construction.
#[derive(Default)]
pub(crate) struct Routes(HashMap<String, Reply>);

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An answer recorded with its status line and headers.
    pub(crate) fn recorded(self, route: &str, text: &str, delivery: Delivery) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("a recorded answer has headers and a body");
        let head: Vec<&str> =
            head.lines().filter(|line| !line.to_lowercase().starts_with("content-length")).collect();
        self.add(route, head.join("\r\n"), body.as_bytes(), delivery)
    }

    /// A body with this status.
    pub(crate) fn body(self, route: &str, status: u16, body: &str) -> Self {
        self.add(
            route,
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json"),
            body.as_bytes(),
            Delivery::Whole,
        )
    }

    /// An NDJSON stream with status 200.
    pub(crate) fn stream(self, route: &str, body: &str, delivery: Delivery) -> Self {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked".to_owned();
        self.add(route, head, body.as_bytes(), delivery)
    }

    fn add(mut self, route: &str, head: String, body: &[u8], delivery: Delivery) -> Self {
        self.0.insert(route.to_owned(), Reply { head, body: body.to_vec(), delivery });
        self
    }

    /// Serves them; any other route is a 404.
    pub(crate) async fn serve(self) -> Replay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (routes, log) = (Arc::new(self.0), Arc::clone(&seen));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&routes), Arc::clone(&log)));
            }
        });
        Replay { endpoint: Endpoint::direct(Url::parse(&base).unwrap()), seen, server }
    }
}

impl Replay {
    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers requests until either side hangs up.
async fn converse(stream: TcpStream, routes: Arc<HashMap<String, Reply>>, log: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufReader::new(stream);
    let not_found = Reply {
        head: "HTTP/1.1 404 Not Found".into(),
        body: b"404 page not found".to_vec(),
        delivery: Delivery::Whole,
    };
    while let Some(request) = read_request(&mut stream).await {
        let reply = routes.get(&request.route).unwrap_or(&not_found).clone();
        log.lock().unwrap().push(request);
        if write_reply(&mut stream, &reply).await.is_none() {
            return;
        }
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let (mut route, mut authorization, mut length) = (String::new(), None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if route.is_empty() {
            route = line.rsplit_once(' ')?.0.to_owned();
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(": ") {
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().ok()?,
                "authorization" => authorization = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { route, authorization, body: String::from_utf8_lossy(&body).into_owned() })
}

/// `None` when the connection is to be closed.
async fn write_reply(stream: &mut BufReader<TcpStream>, reply: &Reply) -> Option<()> {
    let chunked = reply.head.to_lowercase().contains("transfer-encoding: chunked");
    let close = reply.head.to_lowercase().contains("connection: close");
    let length = if chunked { String::new() } else { format!("Content-Length: {}\r\n", reply.body.len()) };
    stream.write_all(format!("{}\r\n{length}\r\n", reply.head).as_bytes()).await.ok()?;
    let (pieces, cut): (Vec<&[u8]>, bool) = match reply.delivery {
        Delivery::Whole => (vec![&reply.body], false),
        Delivery::ByteByByte => (reply.body.chunks(1).collect(), false),
        Delivery::CutAfter(bytes) => (vec![reply.body.get(..bytes).unwrap_or(&reply.body)], true),
    };
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        if chunked {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.ok()?;
        }
        stream.write_all(piece).await.ok()?;
        if chunked {
            stream.write_all(b"\r\n").await.ok()?;
        }
        stream.flush().await.ok()?;
    }
    if cut || close {
        if !cut && chunked {
            stream.write_all(b"0\r\n\r\n").await.ok()?;
        }
        stream.shutdown().await.ok()?;
        return None;
    }
    if chunked {
        stream.write_all(b"0\r\n\r\n").await.ok()?;
    }
    stream.flush().await.ok()
}
