//! Turns on one machine: the run that was made first goes first, whichever is looked at first.

use std::sync::Arc;

use dria_bench::{
    domain::{ids::RunId, kinds::ProviderKind},
    ledger::operator,
    queue::{StepToken, TokenQueue},
    workflow::{Executed, Services, execute_one},
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    runs,
};

struct Host {
    database: TestDatabase,
    tokens: Arc<Remembered>,
    services: Services,
    _folder: tempfile::TempDir,
}

impl Host {
    async fn new() -> Self {
        let (database, folder) = (TestDatabase::new().await, public_folder());
        let tokens = Arc::new(Remembered::default());
        let queue = Arc::clone(&tokens) as Arc<dyn TokenQueue>;
        let services = runs::services(&database, queue, folder.path());
        Self { database, tokens, services, _folder: folder }
    }

    /// A run of this machine and its first token.
    async fn run(&self) -> (RunId, StepToken) {
        let spec = runs::truth_spec(&[1], ProviderKind::Local, None);
        let tokens = self.tokens.as_ref();
        let id = runs::start(&self.database, tokens, &spec, &runs::quick_workflow(&[1]), "steps@here").await;
        (id, self.tokens.pop().unwrap())
    }

    async fn work(&self, token: &StepToken) -> Executed {
        execute_one(&self.services, token, "test-worker", &CancellationToken::new()).await.unwrap()
    }

    /// Looks at a run's provision with a token that must wait; returns the token that looks again.
    async fn waits(&self, token: &StepToken) -> StepToken {
        assert_eq!(self.work(token).await, Executed::Snoozed);
        self.tokens.pop().unwrap()
    }

    /// Ends a run that was provisioned.
    async fn end(&self, id: RunId) {
        while self.tokens.pop().is_some() {}
        operator::cancel(&self.database.pool, self.tokens.as_ref(), id, "test").await.unwrap();
        let teardown = self.tokens.pop().unwrap();
        assert_eq!(self.work(&teardown).await, Executed::Done);
    }

    async fn set(&self, sql: &str, id: RunId) {
        self.database.execute(format!("{sql} where id = '{id}'")).await;
    }
}

#[tokio::test]
async fn the_machine_goes_to_the_run_that_was_made_first_whichever_looks_first() {
    let host = Host::new().await;
    let ((one, first), (two, second), (three, third)) =
        (host.run().await, host.run().await, host.run().await);
    let (_, fourth) = host.run().await;
    assert_eq!(host.work(&first).await, Executed::Done);
    host.tokens.pop().unwrap();
    let (second, third) = (host.waits(&second).await, host.waits(&third).await);
    host.end(one).await;
    let (third, fourth) = (host.waits(&third).await, host.waits(&fourth).await);
    assert_eq!(host.work(&second).await, Executed::Done, "its turn");
    host.end(two).await;
    // A person's run goes before those of a matrix.
    host.set("update workflow_runs set priority = 0", three).await;
    let third = host.waits(&third).await;
    assert_eq!(host.work(&fourth).await, Executed::Done);
    let _still = host.waits(&third).await;
}

#[tokio::test]
async fn who_could_not_begin_is_passed_paused_backing_off_or_of_a_newer_version() {
    let host = Host::new().await;
    let ((paused, _), (newer, _), (late, _)) = (host.run().await, host.run().await, host.run().await);
    let (_, mine) = host.run().await;
    host.set(
        "update workflow_runs set definition = jsonb_set(definition, '{steps,0,kind}', '\"levitate\"')",
        newer,
    )
    .await;
    let mine = host.waits(&mine).await;
    operator::pause(&host.database.pool, paused, "test").await.unwrap();
    let mine = host.waits(&mine).await;
    host.database
        .execute(format!(
            "update step_runs set run_after = now() + interval '1 hour' where run_id = '{late}'"
        ))
        .await;
    assert_eq!(host.work(&mine).await, Executed::Done);
}
