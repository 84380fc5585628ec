//! Money, against a RunPod of our own: what is rented is recorded whatever is killed, costs add up, nothing costs more
//! than it may, and nothing stays for longer than it may.

mod bills;
mod schedules;

use std::{sync::Arc, time::Duration};

use dria_bench::{
    domain::{
        ids::{RunId, pod_name},
        kinds::{EngineKind, ProviderKind},
        run::RunStatus,
        spec::RunSpec,
    },
    engine,
    jobs::{SharedGate, billing, reap},
    ledger::{
        self,
        operator::{self, Terms},
    },
    provider::{MachineRequest, Provider, RequestGate, RunpodProvider},
    queue::{StepToken, TokenQueue},
    report::RunReport,
    store::{
        audit, events, rentals,
        rentals::Rental,
        runs::{self as stored, NewRun},
        steps,
    },
    workflow::{Executed, Services, budget::stop_idle_renters, execute_one},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    runpod::{FakeRunpod, KEY},
    runs,
};

const RATES: [u32; 2] = [1, 2];

/// A cloud, a database, and what works runs of the one in the other.
struct Rig {
    database: TestDatabase,
    cloud: FakeRunpod,
    provider: Arc<RunpodProvider>,
    services: Services,
    tokens: Arc<Remembered>,
    folder: tempfile::TempDir,
}

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn spec() -> RunSpec {
    let mut spec = runs::truth_spec(&RATES, ProviderKind::Runpod, None);
    spec.engine.kind = EngineKind::Vllm;
    spec.engine.extra_args.clear();
    (spec.machine.gpu_id, spec.machine.gpu_count) = ("NVIDIA H200".to_owned(), 1);
    spec
}

impl Rig {
    async fn new() -> Self {
        let (database, cloud, folder) =
            (TestDatabase::new().await, FakeRunpod::start().await, public_folder());
        cloud.fault(|faults| faults.at_once = true);
        let tokens = Arc::new(Remembered::default());
        let provider = Arc::new(cloud.provider());
        let mut services =
            runs::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
        services.providers = services.providers.with(Arc::clone(&provider) as Arc<dyn Provider>);
        Self { database, cloud, provider, services, tokens, folder }
    }

    /// One whose pods cost a dollar a second.
    async fn at_a_dollar_a_second() -> Self {
        let rig = Self::new().await;
        rig.cloud.fault(|faults| (faults.price, faults.balance) = (json!(3600.0), json!(1_000_000)));
        rig
    }

    async fn start(&self, spec: &RunSpec, budget_usd: Option<Decimal>) -> RunId {
        let id = RunId::generate(dria_bench::clock::now());
        let workflow = runs::quick_workflow(&spec.load.rates);
        let new = NewRun { id, spec, definition: &workflow, queue: "steps", priority: 5, rerun_of: None };
        let terms = Terms { budget_usd, ..Terms::default() };
        operator::start_on(&self.database.pool, self.tokens.as_ref(), &new, terms, "test").await.unwrap();
        id
    }

    async fn work(&self, token: &StepToken) -> Executed {
        execute_one(&self.services, token, "test-worker", &CancellationToken::new()).await.unwrap()
    }

    async fn next(&self) -> Executed {
        self.work(&self.tokens.pop().expect("no token is left")).await
    }

    async fn drain(&self) {
        while let Some(token) = self.tokens.pop() {
            self.work(&token).await;
        }
    }

    /// Works the only run until the step of this name is to be worked next.
    async fn up_to(&self, run: RunId, step: &str) -> StepToken {
        loop {
            let token = self.tokens.pop().expect("no token is left");
            let mut conn = self.database.pool.acquire().await.unwrap();
            let steps = steps::list(&mut conn, run).await.unwrap();
            drop(conn);
            if steps.iter().any(|row| row.name == step && row.job_key == token.key) {
                return token;
            }
            self.work(&token).await;
        }
    }

    async fn run(&self, id: RunId) -> stored::Run {
        stored::get(&mut self.database.pool.acquire().await.unwrap(), id).await.unwrap().unwrap()
    }

    async fn code(&self, id: RunId) -> String {
        self.run(id).await.error.map(|failure| failure.code).unwrap_or_default()
    }

    async fn rentals(&self, id: RunId) -> Vec<Rental> {
        rentals::of_run(&mut self.database.pool.acquire().await.unwrap(), id).await.unwrap()
    }

    async fn event(&self, id: RunId, kind: &str) -> Option<Value> {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let events = events::after(&mut conn, id, 0).await.unwrap();
        events.into_iter().find(|event| event.kind == kind).map(|event| event.data)
    }

    async fn assert_clean(&self) {
        let broken = runs::broken_invariants(&self.database, self.folder.path()).await;
        assert_eq!((broken, self.cloud.counts().0), (Vec::new(), 0));
    }

    /// What the create of a worker makes that is killed before it can say so.
    async fn create_as_a_killed_worker(&self, run: RunId) {
        let request = MachineRequest {
            name: pod_name(&self.database.deployment, run, 1),
            machine: spec().machine,
            container: Some(engine::engine(EngineKind::Vllm).container_spec(&spec()).unwrap()),
            external_id: None,
            taken_for: None,
            rented_for: None,
            rented_before: 0,
            gated_model: false,
            disk_needed_bytes: 0,
            program: None,
        };
        self.cloud.provider().ensure_machine(&request).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_pays_for_its_pod_from_create_to_terminate_and_the_parts_add_up() {
    let rig = Rig::at_a_dollar_a_second().await;
    let run = rig.start(&spec(), None).await;
    rig.drain().await;
    assert_eq!(rig.run(run).await.status, RunStatus::Succeeded, "{}", rig.code(run).await);
    let [rental] = &rig.rentals(run).await[..] else { panic!("one pod was rented") };
    assert_eq!((rental.external_id.as_str(), rental.gpu_count), ("pod1", 1));
    assert_eq!((rental.price_usd_per_hour, rental.data_center.as_deref()), (3600.into(), Some("US-KS-2")));
    assert!(rental.ended_at.is_some());
    let mut conn = rig.database.pool.acquire().await.unwrap();
    let cost = RunReport::read(&mut conn, run).await.unwrap().unwrap().cost.unwrap();
    let parts = cost.parts.unwrap();
    let sum = parts.set_up_usd + parts.measuring_usd + parts.teardown_usd + parts.idle_usd;
    assert_eq!((sum, cost.benchmark_usd), (parts.total_usd, Some(parts.total_usd)));
    assert_eq!(parts.total_usd, rental.usd);
    // Three levels of a third of a second each, at a dollar a second.
    assert!(parts.measuring_usd >= usd("0.9") && parts.set_up_usd > Decimal::ZERO, "{parts:?}");
    let differs = "select count(*) from run_spend s join rentals r using (run_id) where round(s.usd, 6) <> (
                     select round(price_usd_per_hour * extract(epoch from ended_at - started_at)::numeric / 3600, 6)
                     from rentals where id = r.id)";
    assert_eq!(rig.database.count(differs).await, 0);
    rig.assert_clean().await;
}

#[tokio::test]
async fn books_that_do_not_add_up_are_found() {
    let rig = Rig::new().await;
    rig.start(&spec(), None).await;
    rig.drain().await;
    rig.assert_clean().await;
    let broken = async |sql: &str| {
        rig.database.execute(sql).await;
        let broken = runs::broken_invariants(&rig.database, rig.folder.path()).await;
        assert_eq!(broken.len(), 1, "{broken:?}");
        broken[0].clone()
    };
    let twice = "update step_attempts a set started_at = l.started_at, finished_at = l.ended_at
                 from rentals l where l.run_id = a.run_id;
                 update rentals set ended_at = ended_at + interval '10 s';
                 update step_attempts set finished_at = finished_at + interval '10 s'";
    assert!(broken(twice).await.contains("no more than what was paid for it"));
    let paid =
        broken("update step_attempts set finished_at = started_at; update rentals set ended_at = null").await;
    assert!(paid.contains("nothing is paid for of a run that is over"));
    assert!(broken("delete from rentals").await.contains("has its row of what it costs"));
}

#[tokio::test]
async fn a_cap_that_is_reached_in_the_middle_of_a_level_stops_it_and_a_higher_one_lets_the_run_go_on() {
    let rig = Rig::at_a_dollar_a_second().await;
    let mut long = spec();
    long.load.seconds = 30.0;
    rig.database
        .execute(
            "insert into webhooks (id, url, events, secret, created_by)
             values (gen_random_uuid(), 'http://127.0.0.1:9/', '{run.failed,budget.hit}', 'whsec_AAAA', 'test')",
        )
        .await;
    let run = rig.start(&long, None).await;
    let level = rig.up_to(run, "throughput").await;
    let spent = rig.rentals(run).await[0].usd;
    let pool = &rig.database.pool;
    operator::set_budget(pool, run, Some(spent + usd("1.5")), "cli:ann").await.unwrap();
    assert_eq!(rig.work(&level).await, Executed::Failed);
    assert_eq!(rig.code(run).await, "budget_exceeded");
    let said = rig.event(run, "budget_exceeded").await.unwrap();
    assert_eq!(said["details"]["cap"], "run");
    assert_eq!(said["details"]["limit_usd"], json!(spent + usd("1.5")));
    // Teardown always runs.
    rig.drain().await;
    assert_eq!(rig.run(run).await.status, RunStatus::Failed);
    rig.assert_clean().await;
    let told = "select count(distinct event) from webhook_deliveries";
    assert_eq!(rig.database.count(told).await, 2, "that the cap was hit, and that the run failed");

    // Nothing is rented while the cap is what it was.
    ledger::retry(pool, rig.tokens.as_ref(), run, "cli:ann").await.unwrap();
    rig.drain().await;
    assert_eq!((rig.code(run).await.as_str(), rig.cloud.counts().1), ("budget_exceeded", 1));
    for refused in [Decimal::ZERO, usd("-1")] {
        assert!(operator::set_budget(pool, run, Some(refused), "cli:ann").await.is_err());
    }
    operator::set_budget(pool, run, Some(usd("1000")), "cli:ann").await.unwrap();
    ledger::retry(pool, rig.tokens.as_ref(), run, "cli:ann").await.unwrap();
    let level = rig.up_to(run, "throughput").await;
    assert_eq!(rig.rentals(run).await.len(), 2);
    operator::cancel(pool, rig.tokens.as_ref(), run, "cli:ann").await.unwrap();
    rig.work(&level).await;
    rig.drain().await;
    rig.assert_clean().await;
    let mut conn = pool.acquire().await.unwrap();
    let entries = audit::of(&mut conn, &run.to_string()).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "run.budget").count(), 2);
}

#[tokio::test]
async fn what_would_cost_more_than_is_left_is_not_rented() {
    let rig = Rig::at_a_dollar_a_second().await;
    // Three levels of a third of a second cost 0.9 USD.
    let run = rig.start(&spec(), Some(usd("0.8"))).await;
    rig.drain().await;
    assert_eq!((rig.code(run).await.as_str(), rig.cloud.requests("POST")), ("budget_exceeded", 0));
    let failure = rig.run(run).await.error.unwrap();
    assert!(failure.message.contains("at least 0.9 USD"), "{failure}");
    rig.assert_clean().await;
}

#[tokio::test]
async fn the_days_cap_is_everybodys_and_what_others_will_need_is_held_back() {
    let mut rig = Rig::at_a_dollar_a_second().await;
    let first = rig.start(&spec(), None).await;
    rig.drain().await;
    let spent = rig.rentals(first).await[0].usd;
    // Room for one more run's levels, and not for two.
    rig.services.limits.day_usd = Some(spent + usd("1.7"));
    let (one, other) = (rig.start(&spec(), None).await, rig.start(&spec(), None).await);
    rig.database
        .execute(format!(
            "insert into pods (run_id, generation, provider, name, reserved_usd) values ('{one}', 1, 'runpod', 'held', 0.9)"
        ))
        .await;
    let (of_one, of_other) = (rig.tokens.pop().unwrap(), rig.tokens.pop().unwrap());
    assert_eq!(
        rig.work(&of_other).await,
        Executed::Failed,
        "what the one will need isn't there for the other"
    );
    assert_eq!(rig.code(other).await, "budget_exceeded");
    assert_eq!(rig.event(other, "budget_exceeded").await.unwrap()["details"]["cap"], "day");
    assert_eq!(rig.work(&of_one).await, Executed::Done);
    rig.drain().await;
    // Yesterday's doesn't count.
    rig.database
        .execute("update rentals set started_at = started_at - interval '2 days', ended_at = ended_at - interval '2 days'")
        .await;
    let fresh = rig.start(&spec(), None).await;
    assert_eq!(rig.next().await, Executed::Done);
    operator::cancel(&rig.database.pool, rig.tokens.as_ref(), fresh, "test").await.unwrap();
    rig.drain().await;
    rig.assert_clean().await;
}

#[tokio::test]
async fn a_run_that_waits_with_its_pod_is_stopped_too_and_a_hold_ends() {
    let rig = Rig::at_a_dollar_a_second().await;
    let paused = rig.start(&spec(), None).await;
    let level = rig.up_to(paused, "throughput").await;
    let pool = &rig.database.pool;
    operator::pause(pool, paused, "test").await.unwrap();
    assert_eq!(rig.work(&level).await, Executed::Paused);
    assert_eq!(stop_idle_renters(&rig.services).await.unwrap(), 0, "nothing says that it may not wait");
    operator::set_budget(pool, paused, Some(usd("0.01")), "test").await.unwrap();
    assert_eq!(stop_idle_renters(&rig.services).await.unwrap(), 1);
    rig.drain().await;
    assert_eq!((rig.code(paused).await.as_str(), rig.cloud.counts().0), ("budget_exceeded", 0));

    // One that failed, and whose machine is held for somebody to look at.
    let held = rig.start(&spec(), None).await;
    rig.database
        .execute(format!("update workflow_runs set hold_on_failure_min = 60 where id = '{held}'"))
        .await;
    let level = rig.up_to(held, "throughput").await;
    rig.database
        .execute(format!("update step_runs set losses = 99 where run_id = '{held}' and name = 'throughput'"))
        .await;
    assert_eq!(rig.work(&level).await, Executed::Failed);
    assert_eq!(rig.cloud.counts().0, 1, "teardown is due in an hour");
    operator::set_budget(pool, held, Some(usd("0.01")), "test").await.unwrap();
    assert_eq!(stop_idle_renters(&rig.services).await.unwrap(), 1);
    assert_eq!(rig.code(held).await, "worker_lost", "why it failed stays what is told");
    assert_eq!(stop_idle_renters(&rig.services).await.unwrap(), 0);
    rig.drain().await;
    rig.assert_clean().await;
}

#[tokio::test]
async fn of_two_runs_one_takes_the_last_place_and_the_other_waits_without_spending_a_try() {
    let mut rig = Rig::new().await;
    rig.services.limits.max_pods = Some(1);
    let (one, other) = (rig.start(&spec(), None).await, rig.start(&spec(), None).await);
    let (of_one, of_other) = (rig.tokens.pop().unwrap(), rig.tokens.pop().unwrap());
    let (first, second) = tokio::join!(rig.work(&of_one), rig.work(&of_other));
    let mut outcomes = [first, second];
    outcomes.sort_by_key(|outcome| format!("{outcome:?}"));
    assert_eq!((outcomes, rig.cloud.counts().1), ([Executed::Done, Executed::Snoozed], 1));
    let waits = if first == Executed::Snoozed { one } else { other };
    let mut conn = rig.database.pool.acquire().await.unwrap();
    let step = steps::list(&mut conn, waits).await.unwrap().remove(0);
    drop(conn);
    assert_eq!((step.attempt, step.fence, step.worker), (0, 0, None));
    assert_eq!(step.progress.unwrap()["for"], "one of 1 pods (runpod.max_pods)");
    rig.drain().await;
    for run in [one, other] {
        assert_eq!(rig.run(run).await.status, RunStatus::Succeeded);
    }
    rig.services.limits.max_gpus = Some(2);
    let mut many = spec();
    many.machine.gpu_count = 4;
    let run = rig.start(&many, None).await;
    rig.drain().await;
    assert_eq!((rig.code(run).await.as_str(), rig.cloud.counts().1), ("bad_request", 2));
    rig.assert_clean().await;
}

#[tokio::test]
async fn a_pod_that_a_killed_worker_made_is_found_and_paid_for_once() {
    let rig = Rig::new().await;
    let run = rig.start(&spec(), None).await;
    rig.create_as_a_killed_worker(run).await;
    assert_eq!((rig.next().await, rig.cloud.counts()), (Executed::Done, (1, 1)));
    assert_eq!(rig.rentals(run).await.len(), 1);
    rig.drain().await;
    // And where nobody looks for it but teardown.
    let cancelled = rig.start(&spec(), None).await;
    let token = rig.tokens.pop().unwrap();
    rig.database
        .execute(format!(
            "insert into pods (run_id, generation, provider, name) values ('{cancelled}', 1, 'runpod', '{}')",
            pod_name(&rig.database.deployment, cancelled, 1)
        ))
        .await;
    rig.create_as_a_killed_worker(cancelled).await;
    operator::cancel(&rig.database.pool, rig.tokens.as_ref(), cancelled, "test").await.unwrap();
    assert_eq!(rig.work(&token).await, Executed::Stale);
    rig.drain().await;
    let [rental] = &rig.rentals(cancelled).await[..] else { panic!("it was paid for") };
    assert!(rental.ended_at.is_some() && rental.external_id == "pod2");
    rig.assert_clean().await;
}

#[tokio::test]
async fn a_replaced_pod_and_one_that_vanished_are_paid_for_until_they_were_gone() {
    let rig = Rig::new().await;
    rig.cloud.fault(|faults| (faults.without_gpu, faults.at_once) = (1, false));
    let run = rig.start(&spec(), None).await;
    rig.up_to(run, "pull_model").await;
    let rented: Vec<bool> = rig.rentals(run).await.iter().map(|rental| rental.ended_at.is_some()).collect();
    assert_eq!(rented, [true, false], "each pod has its row");
    rig.cloud.lose_pods();
    reap(&rig.services).await.unwrap();
    assert!(rig.rentals(run).await[1].ended_at.is_none(), "a list may lag");
    rig.database.execute("update rentals set started_at = started_at - interval '20 minutes'").await;
    reap(&rig.services).await.unwrap();
    assert!(rig.rentals(run).await[1].ended_at.is_some());
}

#[tokio::test]
async fn a_pod_past_its_deadline_goes_and_its_run_fails_until_it_is_retried() {
    let rig = Rig::new().await;
    let run = rig.start(&spec(), None).await;
    let level = rig.up_to(run, "throughput").await;
    let none = "select count(*) from pods where deadline is null";
    assert_eq!(rig.database.count(none).await, 0, "each pod has one");
    rig.database.execute("update pods set deadline = now() - interval '1 s'").await;
    let reaped = reap(&rig.services).await.unwrap();
    assert_eq!((reaped.expired.len(), reaped.owned, rig.cloud.counts().0), (1, 0, 0), "{reaped:?}");
    assert!(rig.event(run, "pod_expired").await.is_some());
    assert_eq!(rig.work(&level).await, Executed::Failed);
    rig.drain().await;
    assert_eq!(rig.code(run).await, "pod_expired");
    ledger::retry(&rig.database.pool, rig.tokens.as_ref(), run, "test").await.unwrap();
    rig.drain().await;
    assert_eq!((rig.run(run).await.status, rig.cloud.counts().1), (RunStatus::Succeeded, 2));
    rig.assert_clean().await;
}

#[tokio::test]
async fn an_account_that_cannot_pay_rents_nothing_and_an_unknown_balance_stops_nobody() {
    let rig = Rig::new().await;
    rig.cloud.fault(|faults| faults.balance = json!(1.5));
    let poor = rig.start(&spec(), None).await;
    rig.drain().await;
    assert_eq!((rig.code(poor).await.as_str(), rig.cloud.requests("POST")), ("insufficient_balance", 0));
    rig.assert_clean().await;
    rig.cloud.fault(|faults| faults.balance = json!(-3));
    assert_eq!(rig.provider.balance().await.unwrap().unwrap().usd, usd("-3"));
    let unclear = [
        Some("<html>busy</html>"),
        Some(""),
        Some(r#"{"errors":[{"message":"no"}]}"#),
        Some(r#"{"data":{"myself":{"clientBalance":NaN}}}"#),
        Some(r#"{"data":{"myself":{"clientBalance":"much"}}}"#),
        Some(r#"{"data":{"myself":{"clientBalance":1e300}}}"#),
    ];
    for answer in unclear {
        rig.cloud.fault(|faults| faults.graphql = answer);
        let failure = rig.provider.balance().await.unwrap_err();
        assert_eq!(failure.code, "provider_unavailable", "{answer:?}");
        assert!(!failure.to_string().contains(KEY));
    }
    let run = rig.start(&spec(), None).await;
    assert_eq!(rig.next().await, Executed::Done);
    operator::cancel(&rig.database.pool, rig.tokens.as_ref(), run, "test").await.unwrap();
    rig.drain().await;
    rig.assert_clean().await;
}

#[tokio::test]
async fn a_price_that_makes_no_sense_is_no_price_and_the_list_price_stands_in_for_it() {
    for nonsense in [json!(-2.69), json!(0), json!("NaN"), json!(1e300)] {
        let rig = Rig::new().await;
        let run = rig.start(&spec(), None).await;
        // The list tells its price before the pod does.
        rig.provider.quote(&spec().machine).await.unwrap();
        rig.cloud.fault(|faults| faults.price = nonsense.clone());
        assert_eq!(rig.next().await, Executed::Done, "{nonsense}");
        assert_eq!(rig.rentals(run).await[0].price_usd_per_hour, usd("2.69"), "{nonsense}");
    }
}

#[tokio::test]
async fn processes_share_one_pace_of_requests_and_what_one_was_told_to_wait_for() {
    let database = TestDatabase::new().await;
    let gates = [0, 1].map(|_| SharedGate::new(database.pool.clone(), "runpod", 8));
    let mut waits = Vec::new();
    for turn in 0..6 {
        waits.push(gates[turn % 2].turn().await.as_secs_f64());
    }
    // Two at once, and six more in a minute.
    assert!(waits[0] < 0.1 && waits[1] < 0.1, "{waits:?}");
    assert!(waits[2] > 9.0 && waits[3] > 19.0 && waits[5] > 39.0 && waits[5] < 41.0, "{waits:?}");
    gates[0].hold(Duration::from_mins(5)).await;
    gates[0].hold(Duration::from_secs(1)).await;
    assert!(gates[1].turn().await > Duration::from_secs(290));
    let other = SharedGate::new(database.pool.clone(), "another", 8);
    assert!(other.turn().await < Duration::from_millis(100));
}

#[tokio::test]
async fn a_pod_that_others_waited_for_has_no_more_time_and_pods_without_gpus_come_to_an_end() {
    let rig = Rig::new().await;
    rig.cloud.fault(|faults| (faults.stuck, faults.at_once) = (true, false));
    let run = rig.start(&spec(), None).await;
    rig.create_as_a_killed_worker(run).await;
    let name = pod_name(&rig.database.deployment, run, 1);
    rig.database
        .execute(format!(
            "insert into pods (run_id, generation, provider, name, external_id, state, created_at)
               values ('{run}', 1, 'runpod', '{name}', 'pod1', 'created', now() - interval '1 hour');
             insert into rentals (run_id, pod, provider, external_id, gpu_id, gpu_count, price_usd_per_hour, started_at)
               values ('{run}', '{name}', 'runpod', 'pod1', 'NVIDIA H200', 1, 2, now() - interval '1 hour')"
        ))
        .await;
    assert_eq!(rig.next().await, Executed::Retrying);
    let failures = "select count(*) from step_attempts where error ->> 'code' = 'pod_not_started'";
    assert_eq!((rig.database.count(failures).await, rig.cloud.counts().0), (1, 0));
    assert!(rig.rentals(run).await[0].ended_at.is_some(), "it was removed, and isn't paid for any more");

    rig.cloud.fault(|faults| (faults.stuck, faults.without_gpu) = (false, 100));
    rig.database.execute("update rentals set external_id = external_id || '-old'").await;
    rig.database
        .execute(format!(
            "insert into rentals (run_id, pod, provider, external_id, gpu_id, gpu_count, price_usd_per_hour, ended_at)
             select '{run}', '{name}', 'runpod', 'gone' || n, 'NVIDIA H200', 0, 2, now() from generate_series(1, 3) n"
        ))
        .await;
    rig.drain().await;
    assert_eq!(rig.code(run).await, "pod_without_gpu");
    rig.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_its_budget_ends_with_code_5_and_its_bill_can_be_read() {
    let bench = crate::support::program::Bench::new().await;
    let cloud = FakeRunpod::start().await;
    cloud.fault(|faults| (faults.price, faults.at_once) = (json!(100), true));
    let run = |arguments: &[&str]| {
        let mut command = bench.command("");
        command
            .args(arguments)
            .env("RUNPOD_API_KEY", KEY)
            .env("RUNPOD_API_URL", cloud.url())
            .env("RUNPOD_GRAPHQL_URL", cloud.graphql_url())
            .env("DRIA_BENCH_BUDGET_DAY_USD", "100");
        crate::support::program::end_of(&mut command)
    };
    let ask = ["run", "--engine", "vllm", "--model", "Qwen/Qwen3-8B", "--gpu", "NVIDIA H200", "--json"];
    let refused = tokio::task::block_in_place(|| run(&[&ask[..], &["--max-usd", "0"]].concat()));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let ended = tokio::task::block_in_place(|| run(&[&ask[..], &["--max-usd", "0.25"]].concat()));
    assert_eq!((ended.code, cloud.counts()), (Some(5), (0, 0)), "{ended:?}");
    assert!(ended.stderr.contains("may cost 0.25 USD") && ended.stderr.contains("runs budget"), "{ended:?}");
    let budget = tokio::task::block_in_place(|| run(&["runs", "budget", "latest", "3.50", "--json"]));
    assert_eq!(budget.json()["budget_usd"], "3.50", "{budget:?}");
    let bill = tokio::task::block_in_place(|| run(&["pods", "bill", "--json"]));
    assert_eq!((bill.code, bill.json()["rentals"].as_array().unwrap().len()), (Some(0), 0));
    let listed = tokio::task::block_in_place(|| run(&["pods", "list"]));
    assert!(listed.stderr.contains("runpod balance: 184.62 USD left, spending 2.70 an hour"), "{listed:?}");
    let checks = tokio::task::block_in_place(|| run(&["doctor", "--json"])).json();
    let balance = checks.as_array().unwrap().iter().find(|check| check["check"] == "balance").unwrap();
    assert_eq!(balance["verdict"], "ok");
}

#[tokio::test]
async fn a_run_that_no_worker_can_rent_for_ends_with_nothing_to_tear_down() {
    let mut rig = Rig::new().await;
    let tokens = Arc::clone(&rig.tokens) as Arc<dyn TokenQueue>;
    rig.services.providers = runs::services(&rig.database, tokens, rig.folder.path()).providers;
    let run = rig.start(&spec(), None).await;
    rig.next().await;
    rig.next().await;
    assert_eq!(
        (rig.run(run).await.status, rig.code(run).await.as_str()),
        (RunStatus::Failed, "provider_unavailable")
    );
    rig.assert_clean().await;
}
