//! The server's side of HTTP/1.1 on one connection: requests in, bytes out, nothing buffered on the way out.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Largest head and body taken, bytes.
const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 32 << 20;

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path without its query.
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    pub(super) keep_alive: bool,
    /// Right after the read that brought its last byte returned.
    pub(super) received: Instant,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Bytes read and not yet used.
    buffer: Vec<u8>,
    last_read: Instant,
}

pub(super) struct Head {
    method: String,
    path: String,
    pub(super) length: usize,
    pub(super) content_length: usize,
    keep_alive: bool,
    expects_continue: bool,
}

fn bad(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

pub(super) fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(bad("a request without method or path"));
    };
    let mut head = Head {
        method: method.to_owned(),
        path: target.split('?').next().unwrap_or(target).to_owned(),
        length,
        content_length: 0,
        keep_alive: request.version == Some(1),
        expects_continue: false,
    };
    for header in request.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            head.content_length = value.parse().map_err(|_| bad("a content-length that is no number"))?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(bad("chunked request bodies are not taken"));
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.keep_alive = !value.eq_ignore_ascii_case("close")
                && (head.keep_alive || value.eq_ignore_ascii_case("keep-alive"));
        } else if header.name.eq_ignore_ascii_case("expect") {
            head.expects_continue = true;
        }
    }
    if head.content_length > MAX_BODY { Err(bad("a body over 32 MiB")) } else { Ok(Some(head)) }
}

impl Connection {
    /// Takes a connection over, with Nagle's delay off.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), last_read: Instant::now() })
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        self.last_read = Instant::now();
        Ok(read)
    }

    /// The next request; `None` when the client has left.
    pub(super) async fn next_request(&mut self) -> io::Result<Option<Request>> {
        let head = loop {
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(bad("a request head over 64 KiB"));
            }
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        };
        let end = head.length + head.content_length;
        if head.expects_continue && self.buffer.len() < end {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.buffer.len() < end {
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        }
        let body = self.buffer[head.length..end].to_vec();
        self.buffer.drain(..end);
        Ok(Some(Request {
            method: head.method,
            path: head.path,
            body,
            keep_alive: head.keep_alive,
            received: self.last_read,
        }))
    }

    /// Writes bytes; they are with the kernel when it returns.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a whole answer.
    pub(super) async fn respond(
        &mut self,
        status: u16,
        content_type: &str,
        extra_headers: &str,
        body: &[u8],
    ) -> io::Result<()> {
        let mut answer = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{extra_headers}\r\n",
            reason(status),
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        self.write(&answer).await
    }

    /// Waits until then, or until the client leaves.
    ///
    /// # Errors
    /// `ConnectionAborted` when the client has left.
    pub(super) async fn pause_until(&mut self, deadline: Instant) -> io::Result<()> {
        if deadline <= Instant::now() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(deadline.into()) => Ok(()),
            gone = self.left() => Err(gone),
        }
    }

    /// Waits for the client to leave and says how it did. A request sent early is kept for later.
    pub(super) async fn left(&mut self) -> io::Error {
        loop {
            if self.buffer.len() > MAX_BODY {
                // A client that floods us while it waits: take no more until it has its answer.
                std::future::pending::<()>().await;
            }
            match self.read_more().await {
                Ok(0) => return io::ErrorKind::ConnectionAborted.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    /// Ends the connection with a reset.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// Ends our side, and waits a little for the client to see it before the socket goes.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        // Without reading what is left, closing would send a reset that can overtake the answer.
        drop(tokio::time::timeout(Duration::from_secs(1), self.left()).await);
        Ok(())
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}
