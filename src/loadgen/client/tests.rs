//! The client over TLS: a trusted server is spoken to, an untrusted one refused under its own code.

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::engine::stream::StreamFormat;

// Made for these tests with `openssl req -x509`, for `localhost` and 127.0.0.1; used nowhere else.
const CERTIFICATE: &[u8] = include_bytes!("../../../tests/fixtures/tls/localhost.cert.pem");
const KEY: &[u8] = include_bytes!("../../../tests/fixtures/tls/localhost.key.pem");
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n\
    data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]  \n\n";

/// A server with a certificate that no system trusts. It answers each read with one short stream.
async fn tls_server() -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that doesn't trust us leaves in the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                stream.write_all(ANSWER).await.unwrap();
            }
        }
    });
    address
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to_over_tls_on_one_kept_connection() {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = Connector::tls(tls_server().await, localhost(), Arc::new(config));
    let mut connection = connector.connect().await.unwrap();
    let mut exchange = Exchange::new(StreamFormat::OpenAiSse);
    for _ in 0..3 {
        let mut events = 0;
        let request = b"POST / HTTP/1.1\r\n\r\n";
        let end = exchange.stream(&mut connection, request, || (), |_, _| events += 1).await.unwrap();
        assert!(end.keep_alive);
        assert_eq!(events, 2);
    }
}

#[tokio::test]
async fn a_server_that_the_system_does_not_trust_is_refused() {
    let connector = Connector::tls(tls_server().await, localhost(), system_tls().unwrap());
    let error = connector.connect().await.err().unwrap();
    assert_eq!(error.code, ErrorCode::Tls, "{error}");
}
