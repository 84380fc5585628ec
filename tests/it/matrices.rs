//! Matrices: that each cell gets one run whoever dies, that engines of a group are measured in one place, that a budget
//! ends them, and a whole night against a RunPod that fails.

mod auto;
mod commands;
mod one_pod;

use std::{io::Write, sync::Arc, time::Duration};

use axum::http::Method;
use dria_bench::{
    definitions::{DefinitionKind, Definitions, Source},
    domain::{
        ids::MatrixId,
        matrix::{CellState, MatrixDefinition, MatrixState},
        run::RunStatus,
        schedule::Action,
        seen::HostFacts,
        spec::LoadSpec,
    },
    jobs::{WorkerOptions, WorkerSet},
    ledger::{
        Error,
        matrices::{self, LocalHost, NewMatrix, dispatch},
    },
    queue::{ApalisQueue, TokenQueue},
    report::matrix::{Counts, MatrixReport},
    store::{self, audit, runs::Run},
    webhooks,
    workflow::{Services, execute_one},
};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    runpod::FakeRunpod,
    runs,
    workers::Worker,
};

/// The definition with this `[matrix]` table, or why it is refused.
fn read(table: &str) -> Result<MatrixDefinition, String> {
    let source = Source {
        kind: DefinitionKind::Schedule,
        name: "test".to_owned(),
        file: "test.toml".to_owned(),
        text: schedule(table),
    };
    match Definitions::default().read_schedule(&source, &[], &[]).map_err(|error| error.to_string())?.action {
        Action::Matrix(matrix) => Ok(matrix),
        Action::Job { name } => panic!("a chore: {name}"),
    }
}

fn schedule(table: &str) -> String {
    format!(
        "name = \"test\"\nenabled = false\ncron = \"0 0 * * *\"\ntimezone = \"Etc/UTC\"\ncatch_up = \"skip\"\n\
         overlap = \"skip\"\n[matrix]\nworkflow = \"benchmark\"\nbudget_usd = \"40.00\"\n{table}\n"
    )
}

/// One of rented GPUs.
fn rented(models: &[&str], engines: &[&str], gpus: &[&str], more: &str) -> MatrixDefinition {
    let table =
        format!("provider = \"runpod\"\nmodels = {models:?}\nengines = {engines:?}\ngpus = {gpus:?}\n{more}");
    read(&table).unwrap()
}

/// One of the truth engine on this machine's processor.
const LOCAL: &str = "provider = \"local\"\nengines = [\"truth\"]\ngpus = [\"cpu\"]\n\
                     models = [\"Qwen 3 8B\", \"Qwen 3 4B\", \"Qwen 2 7B\", \"Falcon 3 1B\"]";

fn load() -> LoadSpec {
    LoadSpec { seconds: 0.2, prompt_tokens: 4, output_tokens: 4, max_in_flight: 4, ..LoadSpec::default() }
}

/// A database, a RunPod, and what works runs on it, token by token.
struct Night {
    database: TestDatabase,
    folder: tempfile::TempDir,
    fake: FakeRunpod,
    tokens: Arc<Remembered>,
    services: Services,
}

impl Night {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let folder = public_folder();
        let fake = FakeRunpod::start().await;
        let tokens = Arc::new(Remembered::default());
        let mut services =
            runs::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
        services.providers = services.providers.with(Arc::new(fake.provider()));
        Self { database, folder, fake, tokens, services }
    }

    async fn create(&self, definition: &MatrixDefinition) -> MatrixId {
        create(&self.database, definition, None).await.unwrap()
    }

    /// Dispatches once; returns how many cells were started.
    async fn dispatch(&self) -> usize {
        let done = dispatch(&self.database.pool, self.tokens.as_ref()).await.unwrap();
        done.iter().map(|done| done.started).sum()
    }

    /// Works the next token; false: there is none.
    async fn work(&self) -> bool {
        let Some(token) = self.tokens.pop() else { return false };
        execute_one(&self.services, &token, "test-worker", &CancellationToken::new()).await.unwrap();
        true
    }

    async fn drain(&self) {
        while self.work().await {}
    }

    async fn report(&self, id: MatrixId) -> MatrixReport {
        report(&self.database, id).await
    }

    async fn run_of(&self, id: MatrixId, cell: usize) -> Run {
        let run = self.report(id).await.list[cell].run.unwrap();
        store::runs::get(&mut self.database.pool.acquire().await.unwrap(), run).await.unwrap().unwrap()
    }
}

async fn create(
    database: &TestDatabase,
    definition: &MatrixDefinition,
    local: Option<&LocalHost>,
) -> Result<MatrixId, Error> {
    let (workflow, load) = (runs::quick_workflow(&[1]), load());
    let new = NewMatrix { schedule: None, tick: None, definition, workflow: &workflow, load: &load, local };
    let mut tx = database.pool.begin().await.unwrap();
    let id = matrices::create(&mut tx, &new, "cli:ann").await?;
    tx.commit().await.unwrap();
    Ok(id)
}

async fn report(database: &TestDatabase, id: MatrixId) -> MatrixReport {
    MatrixReport::read(&mut database.pool.acquire().await.unwrap(), id).await.unwrap().unwrap()
}

async fn resume(database: &TestDatabase, id: MatrixId, budget: Option<i64>) -> Result<u64, Error> {
    let mut tx = database.pool.begin().await.unwrap();
    let planned = matrices::resume(&mut tx, id, budget.map(Decimal::from), "cli:bob").await;
    // Not dropped: it would keep its locks until somebody gets round to them, and the dispatcher leaves alone what is locked.
    if planned.is_ok() {
        tx.commit().await.unwrap();
    } else {
        tx.rollback().await.unwrap();
    }
    planned
}

async fn cancel(database: &TestDatabase, queue: &dyn TokenQueue, id: MatrixId) -> Result<bool, Error> {
    let mut tx = database.pool.begin().await.unwrap();
    let news = matrices::request_cancel(&mut tx, queue, id, "cli:ann").await?;
    tx.commit().await.unwrap();
    Ok(news)
}

fn refusal(error: Result<impl Sized, Error>) -> String {
    match error {
        Err(error @ (Error::Refused(_) | Error::Matrix(_))) => error.to_string(),
        Err(error) => panic!("not refused, but: {error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test]
async fn a_tick_has_one_matrix_and_a_local_one_needs_its_machine() {
    let database = TestDatabase::new().await;
    let local = read(LOCAL).unwrap();
    assert!(
        refusal(create(&database, &local, None).await).contains("started on the machine that it measures")
    );
    let here = LocalHost { queue: "steps@here".to_owned(), facts: HostFacts::default() };
    let named = read(&LOCAL.replace("cpu", "H200")).unwrap();
    assert!(refusal(create(&database, &named, Some(&here)).await).contains("finds no GPU on this machine"));
    assert_eq!(
        database.count("select count(*) from matrices").await,
        0,
        "nothing is left of what was refused"
    );

    let (workflow, load) = (runs::quick_workflow(&[1, 2]), load());
    let tick = Some("2026-11-24T02:30:00Z".parse().unwrap());
    let new = NewMatrix {
        schedule: Some("nightly"),
        tick,
        definition: &local,
        workflow: &workflow,
        load: &load,
        local: Some(&here),
    };
    let mut conn = database.pool.acquire().await.unwrap();
    let id = matrices::create(&mut conn, &new, "schedule:nightly").await.unwrap();
    assert_eq!(
        refusal(matrices::create(&mut conn, &new, "schedule:nightly").await),
        "the schedule nightly has its matrix of 2026-11-24T02:30:00+00:00 already"
    );
    assert_eq!(store::matrices::live_of_schedule(&mut conn, "nightly").await.unwrap(), [id]);
    assert!(store::matrices::live_of_schedule(&mut conn, "other").await.unwrap().is_empty());
    let actions = audit::of(&mut conn, &id.to_string()).await.unwrap();
    assert_eq!((actions.len(), actions[0].action.as_str()), (1, "matrix.create"));
    let rates: serde_json::Value =
        sqlx::query_scalar("select spec #> '{load,rates}' from matrix_cells limit 1")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(rates, serde_json::json!([1, 2]), "the workflow's");
}

#[tokio::test]
async fn a_matrix_of_a_thousand_cells_is_recorded_as_it_expands() {
    let database = TestDatabase::new().await;
    let mut large = rented(&["Qwen 3 8B"], &["vllm"], &["H200"], "max_cells = 1000\nmax_parallel = 3");
    let cell = dria_bench::domain::matrix::Inclusion {
        model: "Qwen 3 8B".to_owned(),
        engine: dria_bench::domain::kinds::EngineKind::Vllm,
        gpu: "NVIDIA H200".to_owned(),
        gpu_count: None,
    };
    large.include = (2..=1000)
        .map(|count| dria_bench::domain::matrix::Inclusion { gpu_count: Some(count), ..cell.clone() })
        .collect();
    let id = create(&database, &large, None).await.unwrap();
    let stored = report(&database, id).await;
    assert_eq!((stored.summary.cells.planned, stored.summary.cells.waiting), (1000, 1000));
    let expanded = large.expand().unwrap();
    assert!(
        stored.list.iter().zip(&expanded).all(|(stored, cell)| stored.gpu_count as u32 == cell.gpu_count)
    );
    let tokens = Remembered::default();
    let done = dispatch(&database.pool, &tokens).await.unwrap();
    assert_eq!((done[0].started, tokens.len()), (3, 3));
}

#[tokio::test]
async fn the_engines_of_a_group_are_measured_where_the_first_was_placed_or_not_at_all() {
    let night = Night::new().await;
    let definition = rented(&["Qwen 3 8B"], &["vllm", "sglang", "ollama"], &["H200"], "max_parallel = 3");
    let id = night.create(&definition).await;
    assert_eq!(night.dispatch().await, 1, "the first says where");
    assert_eq!(night.dispatch().await, 0, "the others wait for that");
    assert!(night.work().await, "provision");
    assert_eq!(night.dispatch().await, 2);
    assert_eq!(night.run_of(id, 0).await.spec.machine.data_center.as_deref(), Some("US-KS-2"));
    // The first goes on to its next step, the second is placed, and then the data center is full.
    assert!(night.work().await && night.work().await);
    night.fake.fault(|faults| faults.full = vec!["US-KS-2".to_owned()]);
    night.drain().await;
    night.dispatch().await;

    let report = night.report(id).await;
    assert_eq!(report.summary.state, MatrixState::Done);
    assert_eq!(report.summary.cells, Counts { planned: 3, done: 2, failed: 1, ..Counts::default() });
    let reason = report.list[2].reason.as_deref().unwrap();
    assert!(
        reason.starts_with("no_capacity: ") && reason.contains("in US-KS-2, where it has to be"),
        "{reason}"
    );
    assert!(report.list.iter().all(|cell| cell.data_center.as_deref() == Some("US-KS-2")));
    let asked: Vec<_> = night.fake.bodies().iter().map(|body| body["dataCenterIds"].clone()).collect();
    assert!(asked[0].is_null(), "the first goes wherever there is one");
    assert!(
        asked.len() > 3 && asked[1..].iter().all(|asked| *asked == serde_json::json!(["US-KS-2"])),
        "{asked:?}"
    );
    assert_eq!(night.fake.counts().0, 0);
    assert_eq!(runs::broken_invariants(&night.database, night.folder.path()).await, Vec::<String>::new());

    // What was measured keeps its place, also for a resume.
    night.fake.fault(|faults| faults.full.clear());
    assert_eq!(resume(&night.database, id, None).await.unwrap(), 1);
    assert_eq!(night.dispatch().await, 1);
    assert!(night.work().await, "provision");
    assert_eq!(night.fake.bodies().last().unwrap()["dataCenterIds"], serde_json::json!(["US-KS-2"]));
    assert_eq!((night.run_of(id, 2).await.generation, night.report(id).await.list[2].attempts), (2, 2));
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    night.drain().await;
    assert_eq!(night.fake.counts().0, 0);
}

#[tokio::test]
async fn one_after_another_is_kept_and_a_group_of_which_nothing_was_measured_is_placed_anew() {
    let night = Night::new().await;
    let definition =
        rented(&["Qwen 3 8B"], &["vllm", "sglang"], &["H200"], "max_parallel = 3\nsame_machine = true");
    let id = night.create(&definition).await;
    assert_eq!(night.dispatch().await, 1);
    assert!(night.work().await, "provision");
    assert_eq!(night.dispatch().await, 0, "its place is known, and still it goes on");
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    assert_eq!(night.report(id).await.summary.cells.cancelled, 1, "the other never starts");
    night.drain().await;
    night.dispatch().await;
    let report = night.report(id).await;
    assert_eq!((report.summary.state, report.summary.cells.cancelled), (MatrixState::Cancelled, 2));
    assert_eq!(report.reasons.len(), 2, "{:?}", report.reasons);

    assert_eq!(resume(&night.database, id, None).await.unwrap(), 2);
    assert_eq!(night.dispatch().await, 1);
    assert!(night.work().await, "provision");
    assert!(night.fake.bodies().last().unwrap()["dataCenterIds"].is_null());
    night.dispatch().await;
    assert_eq!(night.report(id).await.list[1].data_center.as_deref(), Some("EU-RO-1"));
    cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
    night.drain().await;
    assert_eq!(night.fake.counts().0, 0);
}

#[tokio::test]
async fn a_spent_budget_skips_what_has_not_started_and_of_two_resumes_one_is_refused() {
    let night = Night::new().await;
    let database = &night.database;
    database
        .execute(
            "insert into webhooks (id, url, events, secret, created_by)
             values (gen_random_uuid(), 'http://127.0.0.1:9/', '{matrix.done,budget.hit}', 'whsec_AAAA', 'test')",
        )
        .await;
    let definition = rented(&["Qwen 3 8B", "Qwen 3 4B", "Qwen 2 7B"], &["vllm"], &["H200"], "");
    let id = night.create(&definition).await;
    assert_eq!(night.dispatch().await, 1);
    let first = night.run_of(id, 0).await.id;
    database
        .execute(format!(
            "insert into rentals (run_id, pod, provider, external_id, gpu_id, gpu_count, price_usd_per_hour, started_at, \
             ended_at) values ('{first}', 'p', 'runpod', 'x', 'NVIDIA H200', 1, 50, now() - interval '1 hour', now())"
        ))
        .await;
    assert_eq!(night.dispatch().await, 0);
    let report = night.report(id).await;
    assert_eq!(report.summary.cells, Counts { planned: 3, running: 1, skipped: 2, ..Counts::default() });
    assert_eq!(report.reasons[0].reason, "budget: 50.00 of 40.00 USD are spent");
    assert!(refusal(resume(database, id, Some(100)).await).contains("it goes on by itself"));
    // The one that runs may not rent any more either.
    night.drain().await;
    night.dispatch().await;
    let report = night.report(id).await;
    assert_eq!(report.summary.cells, Counts { planned: 3, failed: 1, skipped: 2, ..Counts::default() });
    let reason = report.list[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("budget_exceeded: all runs of its matrix may cost 40 USD"), "{reason}");
    assert_eq!((report.summary.state, report.summary.spent_usd), (MatrixState::Done, Decimal::from(50)));
    assert_eq!(night.fake.counts().1, 0, "nothing was rented");
    let told = "select count(distinct event) from webhook_deliveries";
    assert_eq!(database.count(told).await, 2, "that its budget is spent, and that it is over");
    // A run that is forgotten gives nothing back.
    assert!(refusal(resume(database, id, None).await).contains("has spent 50.00 of its 40.00 USD"));
    let (one, other) = tokio::join!(resume(database, id, Some(100)), resume(database, id, Some(100)));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(won.unwrap(), 3);
    assert!(refusal(lost).contains("it goes on by itself"));
    assert_eq!(night.dispatch().await, 1);
    let again = night.run_of(id, 0).await;
    assert_eq!((again.id, again.generation, again.status), (first, 2, RunStatus::Running), "its run goes on");

    assert!(cancel(database, night.tokens.as_ref(), id).await.unwrap());
    assert!(!cancel(database, night.tokens.as_ref(), id).await.unwrap(), "once is enough");
    night.drain().await;
    night.dispatch().await;
    assert!(
        refusal(cancel(database, night.tokens.as_ref(), id).await).contains("there is nothing to cancel")
    );
    let entries = audit::of(&mut database.pool.acquire().await.unwrap(), &id.to_string()).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect();
    assert_eq!(
        actions,
        [("matrix.create", "cli:ann"), ("matrix.resume", "cli:bob"), ("matrix.cancel", "cli:ann")]
    );
    assert_eq!(runs::broken_invariants(database, night.folder.path()).await, Vec::<String>::new());
}

/// The server's side of a dispatch dies when it marks a cell as started, at certain times.
const KILLS: &str = "
    create sequence kills;
    create function die() returns trigger language plpgsql as $$
    begin
        if nextval('kills') in (1, 3, 6, 8) then perform pg_terminate_backend(pg_backend_pid()); end if;
        return new;
    end $$;
    create trigger die before update on matrix_cells for each row
        when (new.state = 'running' and old.state = 'planned') execute function die();";

#[tokio::test]
async fn dispatchers_that_are_killed_and_many_at_once_start_each_cell_once() {
    let database = TestDatabase::new().await;
    let definition =
        rented(&["Qwen 3 8B", "Qwen 3 4B", "Qwen 2 7B"], &["vllm"], &["H200", "L40S"], "max_parallel = 5");
    let id = create(&database, &definition, None).await.unwrap();
    database.execute(KILLS).await;
    // Four die: in the first cell, the second, the third of the next try and so on.
    while report(&database, id).await.summary.cells.running == 0 {
        let dispatching = (0..4).map(|_| dispatch(&database.pool, &ApalisQueue));
        for done in futures::future::join_all(dispatching).await {
            done.unwrap();
        }
    }
    assert!(database.count("select last_value from kills").await > 8);
    let report = report(&database, id).await;
    assert_eq!((report.summary.cells.running, report.summary.cells.waiting), (5, 1));
    assert_eq!(database.count("select count(*) from workflow_runs").await, 5);
    assert_eq!(database.count("select count(*) from apalis.jobs").await, 5);
    assert_eq!(database.count("select count(distinct run_id) from matrix_cells").await, 5);
    assert!(report.list.iter().filter(|cell| cell.run.is_some()).all(|cell| cell.attempts == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_in_the_middle_of_a_matrix_leave_every_cell_done_once() {
    let database = TestDatabase::new().await;
    let folder = public_folder();
    let here = LocalHost { queue: runs::local_queue(), facts: HostFacts::default() };
    let id = create(&database, &read(LOCAL).unwrap(), Some(&here)).await.unwrap();
    for runs_so_far in 1..=3 {
        let worker = Worker::start(&database, folder.path());
        while database.count("select count(*) from workflow_runs").await < runs_so_far {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        worker.kill_9();
    }
    assert!(Worker::start(&database, folder.path()).ended().await, "the last worker did not end in order");
    let report = report(&database, id).await;
    assert_eq!(report.summary.state, MatrixState::Done);
    assert_eq!(
        report.summary.cells,
        Counts { planned: 4, done: 4, ..Counts::default() },
        "{:?}",
        report.reasons
    );
    assert!(report.list.iter().all(|cell| cell.attempts == 1));
    assert_eq!(database.count("select count(*) from workflow_runs").await, 4);
    assert_eq!(runs::broken_invariants(&database, folder.path()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_of_twelve_cells_ends_with_its_report_and_no_pod_left() {
    let mut night = Night::new().await;
    let definition = rented(
        &["Qwen 3 8B", "Qwen 3 4B"],
        &["ollama", "vllm", "sglang"],
        &["H200", "L40S"],
        "max_parallel = 4\npriorities = [{ gpu = \"L40S\", priority = 3 }]",
    );
    let id = night.create(&definition).await;
    // One that no retry cures, a create whose reply is lost, a busy API, deletes that fail.
    night.fake.fault(|faults| {
        faults.lost_replies = 1;
        faults.answers = [
            (Method::POST, 400),
            (Method::POST, 500),
            (Method::GET, 503),
            (Method::GET, 429),
            (Method::DELETE, 500),
            (Method::DELETE, 500),
            (Method::DELETE, 500),
        ]
        .into();
    });
    night.services.queue = Arc::new(ApalisQueue);
    let options = WorkerOptions {
        queues: vec![("steps".to_owned(), 4)],
        poll: Duration::from_millis(50),
        sweep_every: Duration::from_millis(500),
        reap_every: Duration::from_mins(1),
        webhooks: webhooks::Settings::default(),
    };
    let workers = WorkerSet::start(&night.services, &options);
    let over = async |id| {
        loop {
            let report = night.report(id).await;
            if report.summary.state.is_over() {
                break report;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let report = over(id).await;
    // The night's report, past the harness that keeps what tests print.
    let summary = serde_json::to_string(&report.summary).unwrap();
    std::io::stderr().write_all(format!("a night of 12 cells: {summary}\n").as_bytes()).unwrap();
    assert_eq!(report.summary.cells, Counts { planned: 12, done: 11, failed: 1, ..Counts::default() });
    assert_eq!(report.reasons.len(), 1);
    assert!(report.reasons[0].reason.starts_with("bad_request: RunPod refuses what was asked (400)"));
    assert!(report.list[..6].iter().all(|cell| cell.gpu == "NVIDIA L40S"), "priority goes first");
    // Each group was in one data center.
    for cell in report.list.iter().filter(|cell| cell.state == CellState::Done) {
        let region =
            "select output #>> '{host,region}' from step_runs where run_id = $1 and name = 'provision'";
        let run = cell.run.unwrap().as_uuid();
        let region: String =
            sqlx::query_scalar(region).bind(run).fetch_one(&night.database.pool).await.unwrap();
        assert_eq!(cell.data_center, Some(region), "{cell:?}");
    }
    let rented = night.database.count("select count(*) from rentals").await;
    assert_eq!(report.summary.spent_usd > Decimal::ZERO, rented > 0, "what was rented was paid for");
    assert!(report.summary.spent_usd < report.summary.budget_usd && report.summary.duration_s.unwrap() > 0.0);

    // One action does what is left.
    assert_eq!(resume(&night.database, id, None).await.unwrap(), 1);
    let report = over(id).await;
    assert_eq!(report.summary.cells, Counts { planned: 12, done: 12, ..Counts::default() });
    assert_eq!((report.reasons.len(), report.summary.resumed), (0, 1));
    workers.stop().await;
    assert_eq!(night.fake.counts().0, 0, "no pod is left");
    assert_eq!(night.database.count("select count(*) from workflow_runs").await, 12);
    assert_eq!(night.database.count("select count(*) from benchmark_results").await, 24);
    assert_eq!(runs::broken_invariants(&night.database, night.folder.path()).await, Vec::<String>::new());
}
