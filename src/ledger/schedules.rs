//! What people ask of schedules: read their files anew, turn one on or off, run one now. A scheduler does the rest.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{By, Error};
use crate::{
    definitions::{self, DefinitionKind, Definitions},
    domain::names::UnknownName,
    store::{
        audit, schedule_ticks,
        schedules::{self, Schedule},
    },
};

/// What reading the files anew found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Schedules whose file was read.
    pub read: Vec<String>,
    /// Those whose file can't be read, with the reason: each stays as it was.
    pub broken: Vec<(String, String)>,
    /// Those whose file is gone since the last time: they don't fire any more.
    pub removed: Vec<String>,
}

/// Reads every schedule file into the table, in one transaction. `chores` are the chores that a schedule may name. What an
/// operator turned on or off stays so, whatever a file says.
///
/// # Errors
/// When a folder can't be read, or the database fails.
pub async fn sync(pool: &PgPool, definitions: &Definitions, chores: &[&str]) -> Result<Synced, Error> {
    let sources = definitions.sources(DefinitionKind::Schedule)?;
    let mut synced = Synced::default();
    let mut tx = pool.begin().await?;
    // By name, so that two that do this at once wait for each other and not in a circle.
    for source in &sources {
        match definitions.read_schedule(source, &[], chores) {
            Ok(definition) => {
                schedules::put(&mut tx, &definition).await?;
                synced.read.push(source.name.clone());
            }
            Err(definitions::Error::Invalid(error)) => {
                schedules::put_broken(&mut tx, &source.name, &error.to_string()).await?;
                synced.broken.push((source.name.clone(), error.to_string()));
            }
            Err(other) => return Err(other.into()),
        }
    }
    let there: Vec<String> = sources.into_iter().map(|source| source.name).collect();
    synced.removed = schedules::remove_others(&mut tx, &there).await?;
    tx.commit().await?;
    Ok(synced)
}

/// Turns a schedule on or off, whatever its file says from now on. Turned on, it fires at its next time: nothing of the past
/// is caught up. Turned off, ticks that wait are given up, and what runs goes on.
///
/// # Errors
/// When there is no such schedule, it can't be turned on, or the database fails.
pub async fn set_enabled(
    pool: &PgPool,
    name: &str,
    enabled: bool,
    by: impl Into<By<'_>>,
) -> Result<(), Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    let schedule = find(&mut tx, name).await?;
    if enabled {
        refuse_without_definition(&schedule)?;
    }
    schedules::set_override(&mut tx, name, enabled, by.actor).await?;
    if !enabled {
        schedule_ticks::give_up(&mut tx, name, "the schedule was turned off").await?;
    }
    let action = if enabled { "schedule.enable" } else { "schedule.disable" };
    audit::append(&mut tx, by, action, name, json!({ "file_says": schedule.enabled })).await?;
    tx.commit().await?;
    Ok(())
}

/// Queues a tick of a schedule, to be worked at once by whichever scheduler runs, also where the schedule is off. Returns
/// its time.
///
/// # Errors
/// When there is no such schedule, its file is gone or never could be read, or the database fails.
pub async fn run_now(pool: &PgPool, name: &str, by: impl Into<By<'_>>) -> Result<DateTime<Utc>, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    refuse_without_definition(&find(&mut tx, name).await?)?;
    let tick = schedule_ticks::ask(&mut tx, name, by.actor).await?;
    audit::append(&mut tx, by, "schedule.run", name, json!({ "tick": tick })).await?;
    tx.commit().await?;
    Ok(tick)
}

/// The schedule of this name.
///
/// # Errors
/// When there is none: the nearest names are offered. When the database fails.
pub async fn find(conn: &mut PgConnection, name: &str) -> Result<Schedule, Error> {
    if let Some(schedule) = schedules::get(conn, name).await? {
        return Ok(schedule);
    }
    let all = schedules::list(conn).await?;
    let known = all.iter().map(|schedule| (schedule.name.as_str(), vec![schedule.name.as_str()]));
    Err(Error::NoSchedule(UnknownName::among("schedule", name, known)))
}

fn refuse_without_definition(schedule: &Schedule) -> Result<(), Error> {
    let name = &schedule.name;
    if schedule.removed {
        return Err(Error::Refused(format!(
            "the file of schedule {name} is gone: put it back, then dria-bench schedules sync"
        )));
    }
    if schedule.definition.is_none() {
        let error = schedule.error.as_deref().unwrap_or_default();
        return Err(Error::Refused(format!("schedule {name} could never be read: {error}")));
    }
    Ok(())
}
