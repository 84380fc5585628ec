//! The crash matrix: `kill -9` of a worker process in each of the fifteen steps of a run, at four points of each. The run
//! goes on where it was and ends with exactly ten results and nothing left running: engines on this machine, and pods of
//! a RunPod of the tests' own.
//!
//! A worker is caught at a known line without any hook in the program: triggers of the test's own make its transaction
//! wait for a lock that the test holds. A worker that is to die after a commit is stopped while the commit waits, so that
//! the server finishes it and the worker never comes to know.

use std::{io::Write, time::Duration};

use dria_bench::{
    domain::{
        kinds::{EngineKind, ProviderKind},
        spec::RunSpec,
        step::StepKind,
    },
    queue::{ApalisQueue, SHARED_QUEUE},
    store::results,
};
use nix::sys::signal::Signal;
use sqlx::{Connection, PgConnection};

use crate::support::{
    database::{TestDatabase, public_folder},
    runpod::FakeRunpod,
    runs,
    workers::Worker,
};

/// Where a worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// The step is claimed, and nothing done for it.
    AfterClaim,
    /// What the step does outside the ledger is done: a machine rented, an engine started, load sent, a pod removed. The
    /// ledger knows nothing of it.
    AfterSideEffect,
    /// The commit has written everything, and isn't through.
    BeforeCommit,
    /// The commit is through; the worker never heard.
    AfterCommit,
}

pub(crate) const POINTS: [Point; 4] =
    [Point::AfterClaim, Point::AfterSideEffect, Point::BeforeCommit, Point::AfterCommit];

/// Triggers that wait at the planned point. A deferred one runs when its transaction has nothing left but to commit.
const HOLD: &str = "
    create table crash_plan (step text not null, at text not null);
    create function hold() returns trigger language plpgsql as $$
    begin
        if exists (select 1 from crash_plan where at = tg_argv[0] and step = new.name) then
            perform pg_advisory_xact_lock_shared(4242);
        end if;
        return new;
    end $$;
    create function hold_pod() returns trigger language plpgsql as $$
    begin
        if exists (select 1 from crash_plan p join step_runs s on s.name = p.step
                   where p.at = 'pod' and s.run_id = new.run_id and s.status = 'running') then
            perform pg_advisory_xact_lock_shared(4242);
        end if;
        return new;
    end $$;
    create constraint trigger hold_claim after update on step_runs deferrable initially deferred for each row
        when (new.status = 'running' and new.fence <> old.fence) execute function hold('claim');
    create constraint trigger hold_commit after update on step_runs deferrable initially deferred for each row
        when (old.status = 'running' and new.status = 'done') execute function hold('commit');
    create trigger hold_settle before update on step_runs for each row
        when (old.status = 'running' and new.status = 'done') execute function hold('settle');
    create trigger hold_pod before update on pods for each row
        when (new.state in ('created', 'gone') and new.state <> old.state) execute function hold_pod();";

/// A database whose transactions stop where they are told to.
pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    holder: PgConnection,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        database.execute(HOLD).await;
        let mut holder = PgConnection::connect(&database.url).await.unwrap();
        sqlx::query("select pg_advisory_lock(4242)").execute(&mut holder).await.unwrap();
        Self { database, holder }
    }

    /// The server's side of a transaction that is held, if one is.
    async fn held(&self) -> Option<i32> {
        sqlx::query_scalar(
            "select pid from pg_locks where locktype = 'advisory' and objid = 4242 and not granted
             and database = (select oid from pg_database where datname = current_database())",
        )
        .fetch_optional(&self.database.pool)
        .await
        .unwrap()
    }

    async fn wait_until_held(&self, what: &str) -> i32 {
        for _ in 0..6000 {
            if let Some(backend) = self.held().await {
                return backend;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the worker never came to {what}");
    }

    async fn wait_until_free(&self) {
        while self.held().await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets a worker come to the point, and kills it there.
    pub(crate) async fn kill_at(&mut self, step: &str, point: Point, worker: Worker) {
        let at = match point {
            Point::AfterClaim => "claim",
            Point::AfterSideEffect if self.pod_is_touched_by(step).await => "pod",
            Point::AfterSideEffect => "settle",
            Point::BeforeCommit | Point::AfterCommit => "commit",
        };
        self.database.execute(format!("insert into crash_plan values ('{step}', '{at}')")).await;
        let backend = self.wait_until_held(&format!("{step}, {point:?}")).await;
        if matches!(point, Point::AfterClaim | Point::AfterCommit) {
            worker.signal(Signal::SIGSTOP);
            sqlx::query("select pg_advisory_unlock(4242)").execute(&mut self.holder).await.unwrap();
            sqlx::query("select pg_advisory_lock(4242)").execute(&mut self.holder).await.unwrap();
            worker.kill_9();
        } else {
            worker.kill_9();
            sqlx::query("select pg_terminate_backend($1)")
                .bind(backend)
                .execute(&self.database.pool)
                .await
                .unwrap();
        }
        self.wait_until_free().await;
        self.database.execute("delete from crash_plan").await;
    }

    /// Whether the ledger's row of the pod is to change in this step: engines of this machine are recorded when they
    /// start, pods when they are rented.
    async fn pod_is_touched_by(&self, step: &str) -> bool {
        let rented =
            self.database.count("select count(*) from workflow_runs where provider = 'runpod'").await;
        match step {
            "provision" => rented > 0,
            "start_engine" => rented == 0,
            step => step == "teardown",
        }
    }

    /// Kills a worker at each point of each step of one run, and lets another end it. Returns how many were killed.
    async fn matrix(
        &mut self,
        spec: &RunSpec,
        queue: &str,
        start: impl Fn(&TestDatabase) -> Worker,
    ) -> usize {
        let workflow = runs::quick_workflow(&spec.load.rates);
        let run = runs::start(&self.database, &ApalisQueue, spec, &workflow, queue).await;
        let mut kills = 0;
        for step in &workflow.steps {
            for point in POINTS {
                self.kill_at(&step.kind.to_string(), point, start(&self.database)).await;
                kills += 1;
            }
        }
        assert!(start(&self.database).ended().await, "the last worker did not end in order");
        let mut conn = self.database.pool.acquire().await.unwrap();
        let stored = results::list(&mut conn, run).await.unwrap();
        let levels: Vec<Option<u32>> = stored.iter().map(|result| result.summary.compat.rate).collect();
        let expected: Vec<Option<u32>> = spec.load.rates.iter().copied().map(Some).chain([None]).collect();
        assert_eq!(levels, expected, "the levels by rate, then throughput");
        kills
    }

    /// What must hold in the end, with the totals printed.
    async fn all_is_well(&self, data_dir: &std::path::Path, what: &str, kills: usize, live_pods: usize) {
        let count = async |sql| self.database.count(sql).await;
        let results = count("select count(*) from benchmark_results where superseded_at is null").await;
        let doubled = count(
            "select count(*) from (select 1 from benchmark_results where superseded_at is null
             group by run_id, step having count(*) > 1) twice",
        )
        .await;
        // Past what the test harness holds back: a full run shows it.
        let totals = format!(
            "crash matrix, {what}: {kills} kills, 1 run, {results} results, duplicates {doubled}, live pods {live_pods}\n"
        );
        std::io::stderr().write_all(totals.as_bytes()).unwrap();
        assert_eq!((results, doubled, live_pods), (10, 0, 0));
        assert_eq!(count("select count(*) from workflow_runs where status = 'succeeded'").await, 1);
        // A kill after the claim, after the side effect and before the commit costs a try each; one after the commit none.
        assert_eq!(count("select count(*) from step_attempts where outcome = 'lost'").await, 45);
        assert_eq!(count("select count(*) from step_attempts where outcome = 'done'").await, 15);
        assert_eq!(count("select count(*) from step_runs where attempt <> 1 or losses <> 3").await, 0);
        assert_eq!(runs::broken_invariants(&self.database, data_dir).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_four_points_of_each_step_leaves_ten_results_and_no_engine() {
    let (mut stage, folder) = (Stage::new().await, public_folder());
    let rates: Vec<u32> = (1..=9).collect();
    let spec = runs::truth_spec(&rates, ProviderKind::Local, None);
    let kills =
        stage.matrix(&spec, &runs::local_queue(), |database| Worker::start(database, folder.path())).await;
    stage.all_is_well(folder.path(), "this machine", kills, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_four_points_of_each_step_leaves_ten_results_and_no_pod() {
    let (mut stage, folder, fake) = (Stage::new().await, public_folder(), FakeRunpod::start().await);
    let rates: Vec<u32> = (1..=9).collect();
    let spec = runs::rented_spec(EngineKind::Vllm, &rates);
    let start = |database: &TestDatabase| Worker::renting(database, folder.path(), &fake);
    let kills = stage.matrix(&spec, SHARED_QUEUE, start).await;
    let (live, ever) = fake.counts();
    assert_eq!(ever, 1, "each worker that came after a kill found the pod by its name");
    stage.all_is_well(folder.path(), "rented pods", kills, live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_worker_died_before_a_list_that_lags_is_gone_in_the_end() {
    let (mut stage, folder, fake) = (Stage::new().await, public_folder(), FakeRunpod::start().await);
    let spec = runs::rented_spec(EngineKind::Vllm, &[1]);
    let workflow = runs::quick_workflow(&[1]);
    runs::start(&stage.database, &ApalisQueue, &spec, &workflow, SHARED_QUEUE).await;
    let worker = Worker::renting(&stage.database, folder.path(), &fake);
    stage.kill_at("provision", Point::AfterSideEffect, worker).await;
    assert_eq!(fake.counts(), (1, 1), "rented, and not recorded");
    // Whoever looks next is told that there is no pod: the next worker's reaper, then its provision.
    fake.hide(3);
    let last = Worker::renting(&stage.database, folder.path(), &fake);
    assert!(last.ended().await, "the last worker did not end in order");
    assert_eq!(fake.counts(), (0, 2), "a second one was rented under the name, and teardown found both");
    assert_eq!(stage.database.count("select count(*) from benchmark_results").await, 2);
    assert_eq!(runs::broken_invariants(&stage.database, folder.path()).await, Vec::<String>::new());
}

#[test]
fn the_matrix_has_each_step_of_the_shipped_benchmark() {
    let kinds = runs::quick_workflow(&(1..=9).collect::<Vec<_>>()).steps.into_iter().map(|step| step.kind);
    let mut expected = vec![
        StepKind::Provision,
        StepKind::PullModel,
        StepKind::StartEngine,
        StepKind::Warmup,
        StepKind::Throughput,
    ];
    expected.extend((1..=9).map(StepKind::Concurrency));
    expected.push(StepKind::Teardown);
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}
