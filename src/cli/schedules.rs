//! `dria-bench schedules`: what happens by itself, when it does, what became of it, and turning it on and off.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    CliResult, Context, Exit,
    database::Database,
    matrices::show::counted,
    run::actor,
    services,
    table::{or_dash, table},
};
use crate::{
    domain::schedule::{Action, ScheduleDefinition},
    jobs::chores,
    ledger::{Error, schedules},
    report::schedules::{ScheduleReport, list, report},
    store::{schedule_ticks, schedule_ticks::Tick},
};

/// Schedules: matrices and chores that happen by themselves.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Every schedule, when it fires next, and what became of its last time
    List,
    /// A schedule: its times, what it does, its last ticks
    Show {
        /// Its name, as `list` prints it
        name: String,
    },
    /// Turn a schedule on, whatever its file says: it fires at its next time
    Enable {
        /// Its name
        name: String,
    },
    /// Turn a schedule off, whatever its file says; what it started goes on
    Disable {
        /// Its name
        name: String,
    },
    /// Have a running scheduler do now what the schedule does, also where it is off
    Run {
        /// Its name
        name: String,
    },
    /// The next times of a schedule, also where it is off, in UTC and in its own zone
    Next {
        /// Its name
        name: String,
        /// How many
        #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
    },
    /// Read schedules/*.toml into the database, as each scheduler does at its start
    ///
    /// Exit code 1: a file can't be read, and its schedule stays as it was.
    Sync,
    /// What became of a schedule's times, newest first
    Ticks {
        /// Its name
        name: String,
        /// Most ticks listed
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
}

/// Runs a `schedules` command.
///
/// # Errors
/// Exit 1 when there is no such schedule or it can't be done, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let output = context.output;
    let pool = &database.pool;
    if !matches!(command, Command::Sync) {
        read_files_first(context, database).await?;
    }
    match command {
        Command::List => {
            let all = list(&mut *pool.acquire().await?).await?;
            if output.json {
                output.json(&all);
            } else if all.is_empty() {
                output.note("no schedule is known yet: dria-bench schedules sync reads their files");
            } else {
                output.data(as_table(&all));
            }
        }
        Command::Show { name } => {
            let report = find(&mut *pool.acquire().await?, name).await?;
            if output.json {
                output.json(&report);
            } else {
                output.data(as_text(&report));
            }
        }
        Command::Enable { name } => {
            schedules::set_enabled(pool, name, true, &actor()).await?;
            output.note(format!("schedule {name} is on"));
            changed(context, database, name).await?;
        }
        Command::Disable { name } => {
            schedules::set_enabled(pool, name, false, &actor()).await?;
            output.note(format!("schedule {name} is off; what it started goes on"));
            changed(context, database, name).await?;
        }
        Command::Run { name } => {
            let tick = schedules::run_now(pool, name, &actor()).await?;
            output
                .note(format!("queued; a running scheduler does it now: dria-bench schedules ticks {name}"));
            if output.json {
                output.json(&json!({ "schedule": name, "tick": tick }));
            }
        }
        Command::Next { name, count } => next(context, database, name, usize::from(*count)).await?,
        Command::Sync => return sync(context, database).await,
        Command::Ticks { name, limit } => {
            let mut conn = pool.acquire().await?;
            schedules::find(&mut conn, name).await?;
            let ticks = schedule_ticks::list(&mut conn, name, i64::from(*limit)).await?;
            if output.json {
                output.json(&ticks);
            } else {
                output.data(ticks_table(&ticks));
            }
        }
    }
    Ok(Exit::Done)
}

/// In a database that knows no schedule yet, the files are read: what is turned off before a scheduler ever ran stays off.
async fn read_files_first(context: &Context, database: &Database) -> Result<(), Error> {
    if list(&mut *database.pool.acquire().await?).await?.is_empty() {
        let options = services::scheduler_options(context);
        schedules::sync(&database.pool, &options.definitions, &chores::names()).await?;
    }
    Ok(())
}

async fn find(conn: &mut PgConnection, name: &str) -> Result<ScheduleReport, Error> {
    let schedule = schedules::find(conn, name).await?;
    Ok(report(conn, schedule, 3, 5).await?)
}

/// With `--json`, the schedule as it is now.
async fn changed(context: &Context, database: &Database, name: &str) -> Result<(), Error> {
    if context.output.json {
        context.output.json(&find(&mut *database.pool.acquire().await?, name).await?);
    }
    Ok(())
}

async fn next(context: &Context, database: &Database, name: &str, count: usize) -> Result<(), Error> {
    let mut conn = database.pool.acquire().await?;
    let schedule = schedules::find(&mut conn, name).await?;
    let now = crate::store::schedules::now(&mut conn).await?;
    let Some(definition) = schedule.definition()? else {
        let reason = schedule.error.unwrap_or_default();
        return Err(Error::Refused(format!("schedule {name} could never be read: {reason}")));
    };
    let times = definition.next(now, count);
    if context.output.json {
        context.output.json(&times);
        return Ok(());
    }
    let zone = definition.timezone;
    let rows = times.iter().map(|time| {
        [
            time.format("%Y-%m-%d %H:%M").to_string(),
            time.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z").to_string(),
        ]
    });
    context.output.data(table(["UTC", zone.name()], rows));
    if !schedule.active {
        context.output.note(format!("it is off: dria-bench schedules enable {name}"));
    }
    Ok(())
}

async fn sync(context: &Context, database: &Database) -> CliResult {
    let output = context.output;
    let options = services::scheduler_options(context);
    let synced = schedules::sync(&database.pool, &options.definitions, &chores::names()).await?;
    if output.json {
        output.json(&synced);
    } else {
        let read = synced.read.iter().map(|name| format!("{name}: read"));
        let broken = synced.broken.iter().map(|(name, why)| format!("{name}: stays as it was: {why}"));
        let removed =
            synced.removed.iter().map(|name| format!("{name}: its file is gone, it doesn't fire any more"));
        output.data(read.chain(broken).chain(removed).collect::<Vec<_>>().join("\n"));
    }
    Ok(if synced.broken.is_empty() { Exit::Done } else { Exit::Failed })
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

fn as_table(reports: &[ScheduleReport]) -> String {
    let rows = reports.iter().map(|report| {
        let definition = report.definition();
        let last = report.ticks.first().map(|tick| format!("{} {}", minute(tick.tick), tick.outcome));
        [
            report.schedule.name.clone(),
            state(report),
            or_dash(definition.as_ref().map(|definition| &definition.cron)),
            or_dash(definition.as_ref().map(|definition| definition.timezone)),
            or_dash(definition.as_ref().map(what)),
            or_dash(report.next.first().copied().map(minute)),
            or_dash(last),
        ]
    });
    table(["schedule", "state", "cron", "zone", "does", "next (UTC)", "last (UTC)"], rows)
}

/// `on`, and who says so where it isn't the file.
fn state(report: &ScheduleReport) -> String {
    let by = report.schedule.override_by.as_ref().filter(|_| matches!(report.state, "on" | "off"));
    let by = by.map(|by| format!(" ({by})")).unwrap_or_default();
    let stale =
        if report.schedule.error.is_some() && report.state != "broken" { ", file broken" } else { "" };
    format!("{}{by}{stale}", report.state)
}

fn what(definition: &ScheduleDefinition) -> String {
    match &definition.action {
        Action::Job { name } => format!("chore {name}"),
        Action::Matrix(matrix) => {
            format!("matrix of {}", counted(matrix.expand().map_or(0, |cells| cells.len())))
        }
    }
}

fn as_text(report: &ScheduleReport) -> String {
    let mut lines = vec![format!("{}: {}", report.schedule.name, state(report))];
    if let Some(error) = &report.schedule.error {
        lines.push(format!("its file can't be read: {error}"));
    }
    if let Some(definition) = report.definition() {
        lines.push(definition.description.clone());
        lines.push(format!("cron  {} in {}", definition.cron, definition.timezone));
        lines.push(format!("does  {}", what(&definition)));
        if let Some(budget) = definition.budget_usd_per_day {
            lines.push(format!("cost  at most {} USD a day (UTC)", budget.normalize()));
        }
        let next: Vec<_> = report.next.iter().copied().map(minute).collect();
        let next = if next.is_empty() { "-".to_owned() } else { next.join(", ") + " UTC" };
        lines.push(format!("next  {next}"));
    }
    lines.retain(|line| !line.is_empty());
    format!("{}\n\n{}", lines.join("\n"), ticks_table(&report.ticks))
}

fn ticks_table(ticks: &[Tick]) -> String {
    let rows = ticks.iter().map(|tick| {
        let result = tick.matrix_id.map(|matrix| format!("matrix {matrix}"));
        let report = tick.report.as_ref().map(ToString::to_string);
        [
            tick.tick.format("%Y-%m-%d %H:%M:%S").to_string(),
            tick.outcome.clone(),
            tick.actor.clone(),
            or_dash(tick.started_at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string())),
            or_dash(result.or(report).or_else(|| tick.reason.clone())),
        ]
    });
    table(["tick (UTC)", "outcome", "by", "started (UTC)", "what came of it"], rows)
}
