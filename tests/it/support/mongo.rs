//! A MongoDB-wire server: the one that `MONGODB_URL_FOR_TESTS` names, else one of `.tools/secantus` on a free port.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
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
    server: Option<Server>,
}

impl Mongo {
    pub(crate) async fn start() -> Self {
        match std::env::var_os("MONGODB_URL_FOR_TESTS") {
            Some(url) => Self::connect(url.into_string().unwrap(), None).await,
            None => Self::alone().await,
        }
    }

    /// One that nobody else uses, for a test that kills it or has it fail.
    pub(crate) async fn alone() -> Self {
        let server = Server::launch();
        Self::connect(server.url(), Some(server)).await
    }

    async fn connect(url: String, server: Option<Server>) -> Self {
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

    /// Has the next `times` commands of these names fail as `how` says: `errorCode`, `closeConnection`.
    pub(crate) async fn fail(&self, times: i32, commands: &[&str], how: Document) {
        let mut data = doc! { "failCommands": commands };
        data.extend(how);
        let point = doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data };
        self.admin(point).await;
    }

    /// Has commands of these names fail until it is told to stop, by `None`.
    pub(crate) async fn fail_on(&self, how: Option<(&[&str], Document)>) {
        let point = match how {
            None => doc! { "configureFailPoint": "failCommand", "mode": "off" },
            Some((commands, how)) => {
                let mut data = doc! { "failCommands": commands };
                data.extend(how);
                doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data }
            }
        };
        self.admin(point).await;
    }

    async fn admin(&self, command: Document) {
        self.database.client().database("admin").run_command(command).await.unwrap();
    }

    /// Where a server of a test's own listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.as_ref().unwrap().port).into()
    }

    /// Ends it without a word, as a crash would.
    pub(crate) fn kill_9(&mut self) {
        self.server.as_mut().unwrap().kill();
    }

    /// Starts it again after it was killed, where and with what it was.
    pub(crate) fn start_again(&mut self) {
        let server = self.server.as_mut().unwrap();
        server.child = server.run();
    }
}

struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn launch() -> Self {
        let program = program();
        assert!(program.exists(), "{} isn't there: scripts/test-tools.sh installs it", program.display());
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = run(folder.path(), port);
        Self { child, port, folder }
    }

    fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=secantus", self.port)
    }

    fn run(&self) -> Child {
        run(self.folder.path(), self.port)
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/secantus/bin/secantusd-py")
}

/// On disk, and with its log on disk before it answers, as MongoDB's journal is: what it said is stored is there after a
/// kill. Without `--sync-on-commit` a kill loses what was committed in the last half second, whatever a write asked for.
fn run(folder: &Path, port: u16) -> Child {
    Command::new(program())
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "ERROR"])
        .args(["--enable-test-commands", "--sync-on-commit", "--storage-path"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
