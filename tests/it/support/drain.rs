//! A queue that only remembers its tokens, so that a test works a run token by token, and a truth server to work
//! against.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use dria_bench::{
    domain::{ids::RunId, kinds::ProviderKind},
    queue::{Delivery, Error, StepToken, TokenQueue},
    store::{
        runs,
        runs::Run,
        steps::{self, Step},
    },
    truth::{self, TruthServer},
    workflow::{Executed, Services, execute_one},
};
use sqlx::PgConnection;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    database::{TestDatabase, public_folder},
    runs as helpers,
};

/// Tokens in the order they were pushed, whatever delay they were given.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<VecDeque<StepToken>>);

impl Remembered {
    pub(crate) fn pop(&self) -> Option<StepToken> {
        self.0.lock().unwrap().pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl TokenQueue for Remembered {
    async fn push(&self, _: &mut PgConnection, token: &StepToken, _: Delivery<'_>) -> Result<(), Error> {
        self.0.lock().unwrap().push_back(token.clone());
        Ok(())
    }
}

/// A database, a truth server that already runs, and one run of it that nobody works yet.
pub(crate) struct Bench {
    pub(crate) database: TestDatabase,
    pub(crate) tokens: Arc<Remembered>,
    pub(crate) services: Services,
    pub(crate) server: TruthServer,
    pub(crate) run: RunId,
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    /// One with levels of `rates` streams; `adjust` may change the request.
    pub(crate) async fn new(
        rates: &[u32],
        adjust: impl FnOnce(&mut dria_bench::domain::spec::RunSpec),
    ) -> Self {
        let database = TestDatabase::new().await;
        let folder = public_folder();
        let tokens = Arc::new(Remembered::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = truth::Settings {
            ttft: Duration::from_millis(5),
            itl: Duration::from_millis(1),
            ..truth::Settings::default()
        };
        let server = truth::serve(settings, listener).await.unwrap();
        let mut spec = helpers::truth_spec(rates, ProviderKind::Endpoint, Some(server.url()));
        adjust(&mut spec);
        let workflow = helpers::quick_workflow(rates);
        let services =
            helpers::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
        let run = helpers::start(&database, tokens.as_ref(), &spec, &workflow, "steps").await;
        Self { database, tokens, services, server, run, folder }
    }

    /// Works one token.
    pub(crate) async fn work(&self, token: &StepToken) -> Executed {
        execute_one(&self.services, token, "test-worker", &CancellationToken::new()).await.unwrap()
    }

    /// Works the next token; panics when there is none.
    pub(crate) async fn next(&self) -> Executed {
        let token = self.tokens.pop().expect("no token is left");
        self.work(&token).await
    }

    /// Works tokens until the step of this name is to be worked next, and returns its token.
    pub(crate) async fn up_to(&self, step: &str) -> StepToken {
        loop {
            let token = self.tokens.pop().expect("no token is left");
            if self.step(step).await.is_some_and(|row| row.job_key == token.key) {
                return token;
            }
            self.work(&token).await;
        }
    }

    /// Works tokens until none is left.
    pub(crate) async fn drain(&self) {
        while let Some(token) = self.tokens.pop() {
            self.work(&token).await;
        }
    }

    pub(crate) async fn run(&self) -> Run {
        let mut conn = self.database.pool.acquire().await.unwrap();
        runs::get(&mut conn, self.run).await.unwrap().unwrap()
    }

    pub(crate) async fn step(&self, name: &str) -> Option<Step> {
        let mut conn = self.database.pool.acquire().await.unwrap();
        steps::list(&mut conn, self.run).await.unwrap().into_iter().find(|step| step.name == name)
    }

    pub(crate) async fn broken_invariants(&self) -> Vec<String> {
        helpers::broken_invariants(&self.database, self.folder.path()).await
    }
}
