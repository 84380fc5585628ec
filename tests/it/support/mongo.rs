//! A MongoDB-wire server: the one that `MONGODB_URL_FOR_TESTS` names, else one of `.tools/secantus` on a free port.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mongodb::{
    Client, Database,
    bson::{Document, doc},
    options::ClientOptions,
};

/// How long a server may take to answer: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server, and a database of a test's own in it.
pub(crate) struct Mongo {
    pub(crate) url: String,
    pub(crate) database: Database,
    server: Option<(Child, tempfile::TempDir)>,
}

impl Mongo {
    pub(crate) async fn start() -> Self {
        let (url, server) = if let Some(url) = std::env::var_os("MONGODB_URL_FOR_TESTS") {
            (url.into_string().unwrap(), None)
        } else {
            let (url, child, folder) = launch();
            (url, Some((child, folder)))
        };
        let mut options = ClientOptions::parse(&url).await.unwrap();
        options.server_selection_timeout = Some(PATIENCE);
        let client = Client::with_options(options).unwrap();
        client.database("admin").run_command(doc! { "ping": 1 }).await.unwrap();
        let name = format!("test_{}", ulid::Ulid::generate().to_string().to_lowercase());
        Self { url, database: client.database(&name), server }
    }

    /// Stores these documents, one after the other.
    pub(crate) async fn insert(&self, collection: &str, documents: Vec<Document>) {
        self.database.collection::<Document>(collection).insert_many(documents).await.unwrap();
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.server.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn launch() -> (String, Child, tempfile::TempDir) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/secantus/bin/secantusd-py");
    assert!(program.exists(), "{} isn't there: scripts/test-tools.sh installs it", program.display());
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(program)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "ERROR", "--storage-path"])
        .arg(folder.path().join("data"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (format!("mongodb://127.0.0.1:{port}/?replicaSet=secantus"), child, folder)
}
