//! A group that is measured on one rented pod: handed over from engine to engine, paid for once, and gone in the end
//! whatever goes wrong at RunPod, whoever cancels, and wherever a worker is killed.

use axum::http::Method;
use dria_bench::{
    domain::{
        ids::{MatrixId, RunId, pod_name},
        matrix::{CellState, MatrixDefinition},
        run::RunStatus,
    },
    jobs::reap,
    ledger::operator,
    report::RunReport,
    store::{rentals, rentals::Rental},
};

use super::*;
use crate::crash::{POINTS, Stage};

const ENGINES: [&str; 3] = ["vllm", "sglang", "ollama"];

fn group(engines: &[&str]) -> MatrixDefinition {
    rented(&["Qwen 3 8B"], engines, &["H200"], "max_parallel = 2\nsame_machine = true")
}

impl Night {
    /// A group whose first run is under way.
    async fn with_group(engines: &[&str]) -> (Self, MatrixId) {
        let night = Self::new().await;
        let id = night.create(&group(engines)).await;
        assert_eq!(night.dispatch().await, 1, "one after another");
        (night, id)
    }

    /// Works until the run of this cell is over.
    async fn until_over(&self, id: MatrixId, cell: usize) {
        while !self.run_of(id, cell).await.status.is_terminal() {
            assert!(self.work().await, "there is a token");
        }
    }

    /// Dispatches and works until nothing is left to do.
    async fn to_its_end(&self, id: MatrixId) -> MatrixReport {
        while !self.report(id).await.summary.state.is_over() {
            self.drain().await;
            self.dispatch().await;
        }
        let report = self.report(id).await;
        assert_eq!(self.fake.counts().0, 0, "pods are left: {:?}", self.fake.names());
        assert_eq!(runs::broken_invariants(&self.database, self.folder.path()).await, Vec::<String>::new());
        report
    }

    async fn machine_of(&self, run: RunId) -> Option<RunId> {
        let mut conn = self.database.pool.acquire().await.unwrap();
        RunReport::read(&mut conn, run).await.unwrap().unwrap().system.machine_of
    }

    async fn rentals(&self, run: RunId) -> Vec<Rental> {
        rentals::of_run(&mut self.database.pool.acquire().await.unwrap(), run).await.unwrap()
    }

    fn name_of(&self, run: &Run) -> String {
        pod_name(&self.database.deployment, run.id, run.generation)
    }
}

fn machines(report: &MatrixReport) -> Vec<Option<usize>> {
    report.list.iter().map(|cell| cell.machine).collect()
}

#[tokio::test]
async fn three_engines_are_measured_on_one_pod_and_each_pays_for_its_time() {
    let (night, id) = Night::with_group(&ENGINES).await;
    let report = night.to_its_end(id).await;
    assert_eq!(report.summary.cells, Counts { planned: 3, done: 3, ..Counts::default() }, "{report:?}");
    assert_eq!((night.fake.counts().1, machines(&report)), (1, vec![Some(1); 3]), "one pod for all");
    let runs: Vec<Run> =
        [night.run_of(id, 0).await, night.run_of(id, 1).await, night.run_of(id, 2).await].into();
    assert_eq!(night.machine_of(runs[0].id).await, None);
    assert_eq!(night.machine_of(runs[1].id).await, Some(runs[0].id), "the report says whose machine it was");
    assert_eq!(night.machine_of(runs[2].id).await, Some(runs[1].id));
    let ids: std::collections::BTreeSet<_> = runs.iter().map(|run| run.public_id.clone()).collect();
    assert!(
        ids.len() == 3 && ids.contains(&Some("pod1".to_owned())),
        "each is published for itself: {ids:?}"
    );
    // Each change is what a create of that engine would ask for, under its run's name and with its own key.
    let changes = night.fake.changes();
    assert_eq!(changes.len(), 2);
    for (change, (run, image, port)) in
        changes.iter().zip([(&runs[1], "sglang", "30000"), (&runs[2], "ollama", "11434")])
    {
        assert_eq!(change["name"], night.name_of(run));
        assert!(change["image"].as_str().unwrap().contains(image), "{change}");
        assert_eq!(change["ports"][0], format!("{port}/tcp"));
        assert!(change["gpu"].is_null() && change["dataCenterIds"].is_null(), "{change}");
    }
    assert!(changes[0]["args"].as_str().unwrap().contains(&night.fake.engine_key(&night.name_of(&runs[1]))));
    // Nobody pays twice, and no moment is free.
    let mut until = None;
    let mut usd = Decimal::ZERO;
    for run in &runs {
        let [rental] = &night.rentals(run.id).await[..] else { panic!("one row a run") };
        assert_eq!((rental.external_id.as_str(), &rental.pod), ("pod1", &night.name_of(run)));
        assert!(until.is_none_or(|until| rental.started_at == until), "{rental:?}");
        until = rental.ended_at;
        usd += rental.usd;
    }
    assert!((usd - report.summary.spent_usd).abs() <= Decimal::new(3, 6), "{usd} of {report:?}");
}

#[tokio::test]
async fn between_two_engines_the_pod_is_the_next_runs_and_no_reaper_takes_it() {
    let (night, id) = Night::with_group(&ENGINES).await;
    night.until_over(id, 0).await;
    let (first, second) = (night.run_of(id, 0).await, night.run_of(id, 1).await);
    assert_eq!(second.status, RunStatus::Pending, "it was started with the hand-over");
    assert_eq!(night.fake.names(), [night.name_of(&first)], "RunPod wasn't told yet");
    let reaped = reap(&night.services).await.unwrap();
    assert_eq!((reaped.owned, reaped.is_quiet()), (1, true), "{reaped:?}");
    assert!(night.rentals(first.id).await[0].ended_at.is_some(), "the first has paid");
    assert_eq!(night.dispatch().await, 0, "nothing else starts");
    assert!(night.work().await, "provision");
    assert_eq!(night.fake.names(), [night.name_of(&second)]);
    let reaped = reap(&night.services).await.unwrap();
    assert_eq!((reaped.owned, reaped.is_quiet()), (1, true), "{reaped:?}");
    let report = night.to_its_end(id).await;
    assert_eq!((report.summary.cells.done, night.fake.counts().1), (3, 1));
}

#[tokio::test]
async fn a_pod_that_is_lost_or_refuses_between_two_engines_is_replaced_in_the_same_data_center() {
    for refuses in [false, true] {
        let (night, id) = Night::with_group(&ENGINES).await;
        night.until_over(id, 0).await;
        if refuses {
            night.fake.fault(|faults| faults.answers.push_back((Method::PATCH, 409)));
        } else {
            night.fake.lose_pods();
        }
        let report = night.to_its_end(id).await;
        assert_eq!(report.summary.cells.done, 3, "{report:?}");
        assert_eq!(machines(&report), [Some(1), Some(2), Some(2)], "the third was on that of the second");
        assert_eq!(night.fake.counts().1, 2);
        assert_eq!(night.fake.bodies()[1]["dataCenterIds"], serde_json::json!(["US-KS-2"]));
        assert_eq!(night.machine_of(night.run_of(id, 1).await.id).await, None, "it says that it had another");
    }
}

#[tokio::test]
async fn a_matrix_cancelled_between_two_engines_or_in_the_middle_of_one_leaves_no_pod() {
    for in_the_middle in [false, true] {
        let (night, id) = Night::with_group(&ENGINES).await;
        night.until_over(id, 0).await;
        if in_the_middle {
            assert!(night.work().await && night.work().await && night.work().await, "to its engine's start");
        }
        cancel(&night.database, night.tokens.as_ref(), id).await.unwrap();
        let report = night.to_its_end(id).await;
        let states: Vec<_> = report.list.iter().map(|cell| cell.state).collect();
        assert_eq!(states, [CellState::Done, CellState::Cancelled, CellState::Cancelled]);
        assert_eq!((night.fake.counts(), night.fake.changes().len()), ((0, 1), usize::from(in_the_middle)));
        // What is left is done on a machine of its own, from one to the next.
        assert_eq!(resume(&night.database, id, None).await.unwrap(), 2);
        let report = night.to_its_end(id).await;
        assert_eq!((report.summary.cells.done, machines(&report)), (3, vec![Some(1), Some(2), Some(2)]));
    }
}

#[tokio::test]
async fn a_run_that_failed_or_was_cancelled_keeps_its_pod_from_the_next() {
    let (night, id) = Night::with_group(&ENGINES).await;
    assert!(night.work().await, "provision");
    night.dispatch().await;
    let first = night.run_of(id, 0).await.id;
    operator::cancel(&night.database.pool, night.tokens.as_ref(), first, "cli:ann").await.unwrap();
    night.drain().await;
    assert_eq!(night.fake.counts(), (0, 1), "it was removed");
    assert_eq!(night.dispatch().await, 1);
    assert!(night.work().await, "provision");
    // The engine of the second dies at once, and for good.
    night.fake.fault(|faults| faults.exits = true);
    night.fake.lose_pods();
    night.drain().await;
    assert_eq!(night.run_of(id, 1).await.status, RunStatus::Failed);
    night.fake.fault(|faults| faults.exits = false);
    let report = night.to_its_end(id).await;
    let states: Vec<_> = report.list.iter().map(|cell| cell.state).collect();
    assert_eq!(states, [CellState::Cancelled, CellState::Failed, CellState::Done]);
    assert!(night.fake.changes().is_empty(), "no pod went from one to another");
}

#[tokio::test]
async fn a_pod_is_not_handed_over_when_its_time_the_budget_or_the_queue_does_not_allow_it() {
    for sql in [
        "update pods set created_at = created_at - interval '13 hours', deadline = deadline - interval '13 hours'",
        "update matrices set budget_usd = 0.000001",
        "insert into queue_controls (queue, paused_by) values ('steps', 'test')",
    ] {
        let (night, id) = Night::with_group(&["vllm", "sglang"]).await;
        // Its last level is measured, and teardown is next.
        let torn_down = "select count(*) from step_runs where name = 'teardown'";
        while night.database.count(torn_down).await == 0 {
            assert!(night.work().await);
        }
        night.database.execute(sql).await;
        night.until_over(id, 0).await;
        assert_eq!(night.fake.counts(), (0, 1), "{sql}");
        assert_eq!(night.report(id).await.list[1].state, CellState::Planned, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_at_each_point_of_each_hand_over_leave_one_pod_for_all_and_none_in_the_end() {
    let (mut stage, folder, fake) = (Stage::new().await, public_folder(), FakeRunpod::start().await);
    let id = create(&stage.database, &group(&ENGINES), None).await.unwrap();
    let mut kills = 0;
    for step in ["teardown", "provision", "teardown", "provision", "teardown"] {
        for point in POINTS {
            stage.kill_at(step, point, Worker::renting(&stage.database, folder.path(), &fake)).await;
            kills += 1;
        }
    }
    let last = Worker::renting(&stage.database, folder.path(), &fake);
    assert!(last.ended().await, "the last worker did not end in order");
    let report = report(&stage.database, id).await;
    let (live, ever) = fake.counts();
    let totals = format!(
        "hand-over of a pod: {kills} kills, 3 runs, {ever} pod(s), {live} left, {} changes\n",
        fake.changes().len()
    );
    std::io::stderr().write_all(totals.as_bytes()).unwrap();
    assert_eq!(report.summary.cells, Counts { planned: 3, done: 3, ..Counts::default() }, "{report:?}");
    assert_eq!((live, ever, machines(&report)), (0, 1, vec![Some(1); 3]));
    assert_eq!(fake.changes().len(), 2, "one that was made is found by its name");
    assert_eq!(stage.database.count("select count(*) from benchmark_results").await, 6);
    assert_eq!(runs::broken_invariants(&stage.database, folder.path()).await, Vec::<String>::new());
}
