//! Schedules: that each tick fires once however many look and whoever dies, what becomes of a tick while the one before
//! goes on, that files and operators don't undo each other, and what the chore `retention` leaves alone.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use dria_bench::{
    config::{Config, Machine, Overrides},
    definitions::Definitions,
    jobs::{
        SchedulerOptions, chores,
        scheduler::{Decided, do_chores, fire_due},
    },
    ledger::schedules::{self, Synced},
    queue::{ApalisQueue, TokenQueue},
    store::{
        audit,
        schedule_ticks::{self, Tick},
        schedules::{self as stored, Schedule},
    },
    workflow::Services,
};
use nix::sys::signal::Signal;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    program::{Bench, Running},
    runs,
};

/// Each minute, so that whatever time it is ticks have passed once `last_tick` is set back. It fires late ones.
const CHORE: &str = "name = \"chore\"\nenabled = true\ncron = \"* * * * *\"\ntimezone = \"Etc/UTC\"\ncatch_up = \"all\"\n\
                     catch_up_window = \"1h\"\noverlap = \"queue\"\njob = { name = \"retention\" }\n";

/// The same of a matrix of one cell on this machine.
const MATRIX: &str = "name = \"matrix\"\nenabled = true\ncron = \"* * * * *\"\ntimezone = \"Etc/UTC\"\ncatch_up = \"all\"\n\
                      catch_up_window = \"1h\"\noverlap = \"skip\"\n[matrix]\nworkflow = \"smoke\"\nprovider = \"local\"\n\
                      models = [\"Qwen 3 8B\"]\nengines = [\"truth\"]\ngpus = [\"cpu\"]\nbudget_usd = \"1.00\"\n";

/// A database, a folder of schedules, and a scheduler that looks when it is told to.
struct Office {
    database: TestDatabase,
    folder: tempfile::TempDir,
    services: Services,
    options: SchedulerOptions,
}

impl Office {
    /// With these files, and without the schedules that are shipped.
    async fn new(files: &[&str]) -> Self {
        let (database, folder) = (TestDatabase::new().await, public_folder());
        let tokens = Arc::new(Remembered::default());
        let services = runs::services(&database, tokens as Arc<dyn TokenQueue>, folder.path());
        let overrides = Overrides { data_dir: Some(folder.path().to_owned()), ..Overrides::default() };
        let config = Config::from_parts(&overrides, None, &BTreeMap::new(), &Machine::default()).unwrap();
        let definitions = Definitions::new(vec![folder.path().to_owned()]);
        let options = SchedulerOptions { definitions, config: Arc::new(config) };
        let office = Self { database, folder, services, options };
        for text in files {
            office.write(text);
        }
        office.sync().await;
        office
    }

    fn write(&self, text: &str) {
        write(self.folder.path(), text);
    }

    /// Without the schedules that are shipped.
    async fn sync(&self) -> Synced {
        let pool = &self.database.pool;
        let synced = schedules::sync(pool, &self.options.definitions, &chores::names()).await.unwrap();
        self.database
            .execute("delete from schedules where name in ('nightly', 'prices', 'retention', 'sync')")
            .await;
        synced
    }

    /// Has the schedule looked at last so many minutes ago.
    async fn last_looked(&self, minutes: u32) {
        let sql = format!("update schedules set last_tick = now() - interval '{minutes} minutes'");
        self.database.execute(sql).await;
    }

    async fn look(&self) -> Vec<Decided> {
        let mut decided = fire_due(&self.services, &self.options).await.unwrap();
        decided.extend(do_chores(&self.services, &self.options).await.unwrap());
        decided
    }

    async fn ticks(&self, name: &str) -> Vec<Tick> {
        let mut conn = self.database.pool.acquire().await.unwrap();
        schedule_ticks::list(&mut conn, name, 1000).await.unwrap()
    }

    /// How many ticks ended so.
    async fn count(&self, outcome: &str) -> usize {
        let mut count = 0;
        for name in ["chore", "matrix"] {
            count += self.ticks(name).await.iter().filter(|tick| tick.outcome == outcome).count();
        }
        count
    }

    async fn get(&self, name: &str) -> Schedule {
        stored::get(&mut self.database.pool.acquire().await.unwrap(), name).await.unwrap().unwrap()
    }

    async fn matrices(&self, which: &str) -> i64 {
        let sql = match which {
            "all" => "select count(*) from matrices",
            "live" => "select count(*) from matrices where state in ('planned', 'running')",
            _ => "select count(*) from matrices where cancel_requested",
        };
        self.database.count(sql).await
    }

    /// Has every matrix end as if its runs were done.
    async fn end_matrices(&self) {
        self.database.execute("update matrices set state = 'done', finished_at = now()").await;
    }
}

fn write(folder: &Path, text: &str) {
    let name = text.split('"').nth(1).unwrap();
    fs::create_dir_all(folder.join("schedules")).unwrap();
    fs::write(folder.join("schedules").join(format!("{name}.toml")), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_look_at_once_each_tick_fires_once() {
    let office = Office::new(&[CHORE, &MATRIX.replace("\"skip\"\n[", "\"queue\"\n[")]).await;
    office.last_looked(5).await;
    let looks = (0..6).map(|_| async {
        for _ in 0..4 {
            office.look().await;
        }
    });
    futures::future::join_all(looks).await;
    let ticks = office.ticks("chore").await;
    assert!((5..=6).contains(&ticks.len()), "{ticks:#?}");
    assert!(ticks.iter().all(|tick| tick.outcome == "fired" && tick.report.is_some()), "{ticks:#?}");
    assert_eq!(office.matrices("all").await, 1, "the others wait for it");
    assert_eq!(office.ticks("matrix").await.iter().filter(|tick| tick.outcome == "fired").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_put_back_fires_no_tick_again() {
    let office = Office::new(&[CHORE]).await;
    office.last_looked(5).await;
    let fired = office.look().await.len();
    assert!((5..=6).contains(&fired));
    // What the clock going back and forth does to the comparison, and worse: the time of the last tick is lost.
    office.database.execute("update schedules set last_tick = now() + interval '2 hours'").await;
    assert_eq!(office.look().await.len(), 0);
    office.last_looked(5).await;
    let again = office.look().await.len();
    assert!(again <= 1, "only a minute that has begun since: {again}");
    let ticks = office.ticks("chore").await;
    assert_eq!(ticks.len(), fired + again);
    assert!(ticks.iter().all(|tick| tick.outcome == "fired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_said_and_only_the_last_is_caught_up() {
    let office =
        Office::new(&[&CHORE.replace("\"all\"", "\"latest\"").replace("* * * * *", "*/20 * * * *")]).await;
    office.last_looked(50).await;
    office.look().await;
    let ticks = office.ticks("chore").await;
    assert!((2..=3).contains(&ticks.len()), "{ticks:#?}");
    assert_eq!(ticks[0].outcome, "fired");
    for missed in &ticks[1..] {
        assert_eq!(
            (missed.outcome.as_str(), missed.reason.as_deref()),
            ("missed", Some("no scheduler ran when it was due"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_waits_for_its_jitter() {
    let office = Office::new(&[&CHORE.replace("overlap", "jitter = \"31d\"\noverlap")]).await;
    office.last_looked(3).await;
    assert_eq!(office.look().await.len(), 0);
    let ticks = office.ticks("chore").await;
    assert!(ticks.iter().all(|tick| tick.outcome == "queued" && tick.start_at > tick.tick), "{ticks:#?}");
    office.database.execute("update schedule_ticks set start_at = now()").await;
    assert_eq!(office.look().await.len(), ticks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_matrix_goes_on_ticks_are_skipped_wait_or_have_it_cancelled() {
    let office = Office::new(&[MATRIX]).await;
    office.last_looked(3).await;
    office.look().await;
    assert_eq!((office.matrices("all").await, office.count("fired").await), (1, 1));
    let skipped = office.count("skipped_overlap").await;
    assert!(skipped >= 2);
    let ticks = office.ticks("matrix").await;
    assert!(ticks[0].reason.as_ref().unwrap().contains("was still running"), "{:?}", ticks[0]);
    let oldest = ticks.last().unwrap();
    let made = "select count(*) from matrices m join schedule_ticks t on t.matrix_id = m.id \
                where m.tick = t.tick and m.schedule = 'matrix' and m.created_by = 'scheduler'";
    assert_eq!((oldest.outcome.as_str(), office.database.count(made).await), ("fired", 1));

    office.write(&MATRIX.replace("overlap = \"skip\"", "overlap = \"queue\""));
    office.sync().await;
    office.database.execute("delete from schedule_ticks where outcome <> 'fired'").await;
    office.last_looked(2).await;
    office.look().await;
    assert_eq!((office.matrices("all").await, office.count("fired").await), (1, 1));
    let waiting = office.count("queued").await;
    assert!(waiting >= 1);
    office.end_matrices().await;
    office.look().await;
    assert_eq!((office.matrices("all").await, office.matrices("live").await), (2, 1));
    assert_eq!(office.count("queued").await, waiting - 1);

    office.write(&MATRIX.replace("overlap = \"skip\"", "overlap = \"cancel_previous\""));
    office.sync().await;
    office.last_looked(0).await;
    office.database.execute("delete from schedule_ticks where outcome = 'queued'").await;
    schedules::run_now(&office.database.pool, "matrix", "cli:ann").await.unwrap();
    let last = schedules::run_now(&office.database.pool, "matrix", "cli:ann").await.unwrap();
    office.look().await;
    assert_eq!((office.matrices("all").await, office.matrices("cancelled").await), (2, 1));
    let waiting: Vec<_> =
        office.ticks("matrix").await.into_iter().filter(|tick| tick.outcome == "queued").collect();
    assert_eq!(waiting.len(), 1, "the earlier of two that wait has no place any more");
    assert_eq!(waiting[0].tick, last);
    office.end_matrices().await;
    office.look().await;
    assert_eq!((office.matrices("all").await, office.matrices("live").await), (3, 1));
    let by_hand =
        "select count(*) from matrices where created_by = 'cli:ann' and tick is null and schedule = 'matrix'";
    assert_eq!(office.database.count(by_hand).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_fails_says_why_leaves_nothing_and_the_next_one_is_tried() {
    let office = Office::new(&[MATRIX, CHORE]).await;
    office.last_looked(1).await;
    // The workflow goes after the file was read, and so does the chore: as in a deploy of another version.
    office.database.execute(
        "update schedules set definition = replace(replace(definition::text, '\"smoke\"', '\"smoked\"'), 'retention', 'repair')::jsonb",
    ).await;
    office.look().await;
    assert_eq!((office.count("fired").await, office.matrices("all").await), (0, 0));
    let (matrix, chore) = (office.ticks("matrix").await, office.ticks("chore").await);
    for (tick, reason) in [(&matrix[0], "unknown workflow `smoked`"), (&chore[0], "has no chore `repair`")] {
        assert_eq!(tick.outcome, "failed");
        assert!(tick.reason.as_ref().unwrap().contains(reason), "{tick:?}");
    }
    office.sync().await;
    for name in ["matrix", "chore"] {
        schedules::run_now(&office.database.pool, name, "cli:ann").await.unwrap();
    }
    office.look().await;
    assert_eq!((office.count("fired").await, office.matrices("all").await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_word_counts_more_than_the_file_and_nothing_of_the_past_fires() {
    let office = Office::new(&[CHORE]).await;
    let pool = &office.database.pool;
    schedules::set_enabled(pool, "chore", false, "cli:ann").await.unwrap();
    office.last_looked(30).await;
    assert_eq!((office.look().await.len(), office.get("chore").await.active), (0, false));
    office.write(&CHORE.replace("* * * * *", "*/2 * * * *"));
    office.sync().await;
    assert!(!office.get("chore").await.active, "the file says on, and ann said off");
    office.last_looked(30).await;
    schedules::set_enabled(pool, "chore", true, "cli:bob").await.unwrap();
    assert!(office.look().await.len() <= 1, "at most the minute that begins now");
    let mut conn = pool.acquire().await.unwrap();
    let said = audit::of(&mut conn, "chore").await.unwrap();
    let said: Vec<_> = said.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    assert_eq!(said, [("cli:ann", "schedule.disable"), ("cli:bob", "schedule.enable")]);
    let unknown = schedules::run_now(pool, "chores", "cli:ann").await.unwrap_err();
    assert_eq!(unknown.to_string(), "unknown schedule `chores`: did you mean chore?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_stays_as_it_was_and_one_that_is_gone_fires_no_more() {
    let office = Office::new(&[CHORE]).await;
    office.write(&CHORE.replace("\"retention\"", "\"retentoin\""));
    office.write("name = \"new\"\n");
    let synced = office.sync().await;
    let broken: Vec<_> = synced.broken.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(broken, ["chore", "new"]);
    let chore = office.get("chore").await;
    assert!(chore.active && chore.definition().unwrap().is_some());
    assert!(chore.error.unwrap().contains("schedules/chore.toml:8:16: unknown job `retentoin`"));
    let refused = schedules::set_enabled(&office.database.pool, "new", true, "cli:ann").await.unwrap_err();
    assert!(refused.to_string().contains("could never be read"), "{refused}");

    fs::remove_file(office.folder.path().join("schedules/chore.toml")).unwrap();
    assert_eq!(office.sync().await.removed, ["chore"]);
    office.last_looked(30).await;
    assert_eq!(office.look().await.len(), 0);
    office.write(CHORE);
    office.sync().await;
    let back = office.get("chore").await;
    assert!(back.active && back.error.is_none());
    assert!(office.look().await.len() <= 1, "what passed while it was gone doesn't fire");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_time_in_a_file_fires_from_now_on_only() {
    let office = Office::new(&[CHORE]).await;
    office.last_looked(30).await;
    office.write(&CHORE.replace("* * * * *", "*/3 * * * *"));
    office.sync().await;
    assert!(office.look().await.len() <= 1);
    office.last_looked(30).await;
    office
        .write(&CHORE.replace("* * * * *", "*/3 * * * *").replace("enabled", "description = \"x\"\nenabled"));
    office.sync().await;
    assert!(office.look().await.len() >= 10, "another description changes no time");
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_what_was_worked_long_ago_and_nothing_else() {
    let office = Office::new(&[CHORE]).await;
    let workflow = runs::quick_workflow(&[1]);
    let spec = runs::truth_spec(&[1], dria_bench::domain::kinds::ProviderKind::Local, None);
    runs::start(&office.database, &ApalisQueue, &spec, &workflow, "steps").await;
    // The token of a live run, worked long ago; 2500 of runs that are over; and those that are to stay.
    office.database.execute(
        "update apalis.jobs set status = 'Done', done_at = now() - interval '30 days';
         insert into apalis.workers (id, worker_type, storage_name, layers, last_seen, started_at)
         select 'w' || n, 'steps', 's', '', now() - interval '30 days' * n, now() - interval '30 days' * n
         from generate_series(0, 2) n;
         insert into apalis.jobs (job, id, job_type, status, done_at, lock_by)
         select '', 'old' || n, 'steps', case when n % 2 = 0 then 'Done' else 'Killed' end, now() - interval '8 days', 'w1'
         from generate_series(1, 2500) n;
         insert into apalis.jobs (job, id, job_type, status, done_at, lock_by) values
         ('', 'recent', 'steps', 'Done', now() - interval '6 days', 'w2'), ('', 'dead', 'steps', 'Failed', now() - interval '30 days', null),
         ('', 'waits', 'steps', 'Pending', null, null);
         insert into schedule_ticks (schedule, tick, start_at, actor, outcome, finished_at)
         select 'chore', now() - interval '1 day' * n, now(), 'test', 'fired', now() from unnest('{399,401}'::int[]) n;
         insert into outbox (aggregate, aggregate_id, version, sent_at) values
         ('upvote', 'sent:1', 1, now() - interval '31 days'), ('user', '1', 1, now() - interval '29 days'),
         ('run', 'sent', 1, now() - interval '31 days'), ('comment', 'waits', 1, null)",
    ).await;
    schedules::run_now(&office.database.pool, "chore", "cli:ann").await.unwrap();
    office.look().await;
    let tick = office.ticks("chore").await.into_iter().find(|tick| tick.manual).unwrap();
    assert_eq!(
        tick.report.unwrap(),
        serde_json::json!({
            "tokens_deleted": 2500, "workers_deleted": 1, "ticks_deleted": 1, "messages_deleted": 0, "outbox_deleted": 1,
        })
    );
    assert_eq!(office.database.count("select count(*) from outbox where aggregate <> 'upvote'").await, 3);
    let left = "select count(*) from apalis.jobs where id in ('recent', 'dead', 'waits') \
                or exists (select 1 from step_runs s where s.job_key = id)";
    assert_eq!(office.database.count(left).await, 4);
    assert_eq!(office.database.count("select count(*) from apalis.jobs").await, 4);
    assert_eq!(
        office.database.count("select count(*) from apalis.workers where id in ('w0', 'w2')").await,
        2
    );
    assert_eq!(office.database.count("select count(*) from workflow_runs").await, 1);
}

/// A scheduler process that reads the schedules of the bench's data folder and looks often.
fn scheduler(bench: &Bench) -> Running {
    let mut command = bench.command("scheduler");
    Running::start(command.env("DRIA_BENCH_SCHEDULER_POLL_MS", "50").current_dir(bench.data_dir()))
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_fire_each_tick_once_and_a_stop_is_in_order() {
    let bench = Bench::new().await;
    write(bench.data_dir(), CHORE);
    write(bench.data_dir(), &MATRIX.replace("overlap = \"skip\"", "overlap = \"queue\""));
    let mut schedulers: Vec<Running> = (0..3).map(|_| scheduler(&bench)).collect();
    for scheduler in &mut schedulers {
        scheduler.wait_for(&["schedule files read"]);
    }
    let mut asked = 0;
    for round in 0..3 {
        let sql = "insert into schedule_ticks (schedule, tick, start_at, actor, manual)
                   select s.name, clock_timestamp() + interval '1 microsecond' * n, now(), 'test', true
                   from schedules s, generate_series(1, 40) n where s.name in ('chore', 'matrix')";
        bench.database.execute(sql).await;
        asked += 40;
        schedulers.remove(0).kill_9();
        if round < 2 {
            let mut next = scheduler(&bench);
            next.wait_for(&["schedule files read"]);
            schedulers.push(next);
        }
        let waiting = "select count(*) from schedule_ticks where outcome = 'queued' and schedule = 'chore'";
        while bench.database.count(waiting).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    let fired =
        "select count(*) from schedule_ticks where schedule = 'chore' and manual and outcome = 'fired'";
    assert_eq!(bench.database.count(fired).await, asked);
    assert_eq!(bench.database.count("select count(*) from matrices").await, 1, "the others wait for it");
    let unmatched = "select count(*) from matrices m full join (select * from schedule_ticks where schedule = 'matrix' and outcome = 'fired') t on t.matrix_id = m.id where m.id is null or t.tick is null";
    assert_eq!(bench.database.count(unmatched).await, 0);
    for scheduler in schedulers {
        scheduler.signal(Signal::SIGTERM);
        let ended = scheduler.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.ends_with("stopping"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_schedules_and_steer_them() {
    let bench = Bench::new().await;
    write(
        bench.data_dir(),
        "name = \"never\"\nenabled = true\ncron = \"0 0 30 2 *\"\ntimezone = \"Etc/UTC\"\n\
                             catch_up = \"skip\"\noverlap = \"skip\"\njob = { name = \"retention\" }\n",
    );
    // What is turned off before any scheduler ran stays off.
    assert_eq!(bench.run("schedules disable prices").code, Some(0));
    assert_eq!(bench.run("schedules list --json").json().as_array().unwrap().len(), 5);
    let synced = bench.run("schedules sync");
    assert_eq!(synced.code, Some(1));
    assert!(
        synced.stdout.contains("nightly: read") && synced.stdout.contains("`0 0 30 2 *` never fires"),
        "{synced:?}"
    );
    let states = |json: serde_json::Value| {
        json.as_array()
            .unwrap()
            .iter()
            .map(|s| format!("{} {}", s["name"], s["state"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let list = bench.run("schedules list --json --quiet").json();
    assert_eq!(states(list), ["never broken", "nightly off", "prices off", "retention on", "sync on"]);

    let next = bench.run("schedules next nightly --count 3 --json").json();
    let next: Vec<_> = next.as_array().unwrap().iter().map(|time| time.as_str().unwrap()).collect();
    assert!(next.len() == 3 && next.iter().all(|time| time.ends_with("T02:30:00Z")), "{next:?}");

    assert_eq!(bench.run("schedules enable nightly").code, Some(0));
    let shown = bench.run("schedules show nightly");
    assert!(
        shown.stdout.starts_with("nightly: on (cli:") && shown.stdout.contains("matrix of 12 cells"),
        "{shown:?}"
    );
    assert_eq!(bench.run("schedules disable nightly --json --quiet").json()["state"], "off");

    assert_eq!(bench.run("schedules run retention").code, Some(0));
    let ticks = bench.run("schedules ticks retention --json").json();
    assert_eq!((ticks[0]["outcome"].as_str(), ticks[0]["manual"].as_bool()), (Some("queued"), Some(true)));
    for command in ["list", "show retention", "ticks retention", "next retention"] {
        let text = bench.run(&format!("schedules {command}"));
        assert!(text.code == Some(0) && !text.stdout.is_empty(), "{command}: {text:?}");
    }

    let unknown = bench.run("schedules show nigtly");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("unknown schedule `nigtly`: did you mean nightly"), "{unknown:?}");
    let never = bench.run("schedules run never");
    assert!(never.code == Some(1) && never.stderr.contains("could never be read"), "{never:?}");
    let written = "select count(*) from audit_log where action like 'schedule.%' and actor like 'cli:%'";
    assert_eq!(bench.database.count(written).await, 4);
}
