//! A database a test: one embedded cluster for the whole test binary, each test's database made from a template that
//! has the schema. The cluster ends with the last test that uses it.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use dria_bench::{
    embedded_pg::{self, EmbeddedPg},
    store::database,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;

static CLUSTER: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);

struct Cluster {
    server: Option<EmbeddedPg>,
    admin_url: String,
    folder: tempfile::TempDir,
}

impl Cluster {
    async fn shared() -> Arc<Self> {
        let mut shared = CLUSTER.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    async fn start() -> Self {
        let folder = public_folder();
        let settings = embedded_pg::Settings { data_dir: folder.path().to_owned(), pg_bin: None };
        let server = embedded_pg::start(&settings).await.unwrap();
        let admin_url = server.url();
        let mut admin = PgConnection::connect(&admin_url).await.unwrap();
        sqlx::query("create database template_bench").execute(&mut admin).await.unwrap();
        let template = PgConnectOptions::from_str(&admin_url).unwrap().database("template_bench");
        let pool = database::connect(template, 2).await.unwrap();
        database::migrate(&pool).await.unwrap();
        pool.close().await;
        Self { server: Some(server), admin_url, folder }
    }

    /// The `pg_ctl` of the server that runs.
    fn pg_ctl(&self) -> PathBuf {
        let data = self.folder.path().join("postgres/data");
        let process = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        let process = process.lines().next().unwrap().trim();
        fs::read_link(format!("/proc/{process}/exe")).unwrap().with_file_name("pg_ctl")
    }

    /// As the user, and with the options, that it was started with.
    fn control(&self, pg_ctl: &Path, action: &[&str]) {
        let home = self.folder.path().join("postgres");
        let data = home.join("data");
        let owner = fs::metadata(&data).unwrap();
        let status = Command::new(pg_ctl)
            .args(action)
            .arg("-w")
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(home.join("server.log"))
            .current_dir(&home)
            .uid(owner.uid())
            .gid(owner.gid())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{action:?}: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        // The runtime of the test that ends last may be ending too: a thread and a runtime of our own.
        let stopping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.shut_down())
        });
        let _ = stopping.join();
    }
}

/// A folder that the database's user may enter too.
pub(crate) fn public_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("dria-bench-test-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A migrated database of a test's own.
pub(crate) struct TestDatabase {
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    /// Its deployment id: no two tests share one, so none sees another's engines.
    pub(crate) deployment: String,
    cluster: Arc<Cluster>,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        Self::of(Cluster::shared().await).await
    }

    /// One on a server of its own, for a test that crashes it.
    pub(crate) async fn alone() -> Self {
        Self::of(Arc::new(Cluster::start().await)).await
    }

    async fn of(cluster: Arc<Cluster>) -> Self {
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&cluster.admin_url).await.unwrap();
        let create = format!("create database {name} template template_bench");
        sqlx::query(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
        let options = PgConnectOptions::from_str(&cluster.admin_url).unwrap().database(&name);
        let url = options.to_url_lossy().to_string();
        let pool = PgPoolOptions::new().max_connections(12).connect_with(options).await.unwrap();
        let deployment =
            sqlx::query("update deployment set id = substr(md5(random()::text), 1, 8) returning id")
                .fetch_one(&pool)
                .await
                .unwrap()
                .get(0);
        Self { pool, url, deployment, cluster }
    }

    /// One number from the database.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// The same of a server that may be down at the moment.
    pub(crate) async fn count_if_up(&self, sql: &'static str) -> Option<i64> {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.ok()
    }

    /// Every row of every table, as one text: what must not be in the database is looked for in it.
    pub(crate) async fn everything(&self) -> String {
        sqlx::query_scalar(
            "select string_agg(query_to_xml(format('select * from %I.%I', table_schema, table_name), true, false, '')::text, '')
             from information_schema.tables where table_schema in ('public', 'apalis') and table_type = 'BASE TABLE'",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// `pg_ctl restart -m immediate`: every session ends without a word, and the server comes back from its log. Returns
    /// once it takes connections. For a server of one's own.
    pub(crate) async fn crash_server(&self) {
        let cluster = Arc::clone(&self.cluster);
        let restart = move || cluster.control(&cluster.pg_ctl(), &["restart", "-m", "immediate"]);
        tokio::task::spawn_blocking(restart).await.unwrap();
    }

    /// `pg_ctl stop -m immediate`, and once `meanwhile` is over the server is started again. For a server of one's own.
    pub(crate) async fn without_server<T>(&self, meanwhile: impl Future<Output = T>) -> T {
        let (cluster, pg_ctl) = (Arc::clone(&self.cluster), self.cluster.pg_ctl());
        let control = async |action: &'static [&'static str]| {
            let (cluster, pg_ctl) = (Arc::clone(&cluster), pg_ctl.clone());
            tokio::task::spawn_blocking(move || cluster.control(&pg_ctl, action)).await.unwrap();
        };
        // Its options stand beside its data, for a `restart`; a plain start has to be told them.
        control(&["stop", "-m", "immediate"]).await;
        let ended = meanwhile.await;
        control(&["restart", "-m", "immediate"]).await;
        ended
    }

    /// Runs statements of the test's own.
    pub(crate) async fn execute(&self, sql: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&self.pool).await.unwrap();
    }
}
