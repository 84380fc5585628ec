//! Schedules in the one shape that commands print and the API serves: what the table has, and when each fires next.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    domain::schedule::ScheduleDefinition,
    store::{
        self,
        schedule_ticks::{self, Tick},
        schedules::{self, Schedule},
    },
};

/// A schedule as it is now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ScheduleReport {
    /// What the table has.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// `on`, `off`, `removed` or `broken` (its file never could be read).
    pub state: &'static str,
    /// When it fires next, without its jitter; none where it doesn't.
    pub next: Vec<DateTime<Utc>>,
    /// What became of its last ticks, newest first.
    pub ticks: Vec<Tick>,
}

impl ScheduleReport {
    /// Its definition, where it has one that this version can read.
    #[must_use]
    pub fn definition(&self) -> Option<ScheduleDefinition> {
        self.schedule.definition().ok().flatten()
    }
}

/// Every schedule, by name, each with its next time and its last tick.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<ScheduleReport>, store::Error> {
    let mut reports = Vec::new();
    for schedule in schedules::list(conn).await? {
        reports.push(report(conn, schedule, 1, 1).await?);
    }
    Ok(reports)
}

/// A schedule with its next `next` times and its last `ticks` ticks.
///
/// # Errors
/// When the database fails.
pub async fn report(
    conn: &mut PgConnection,
    schedule: Schedule,
    next: usize,
    ticks: i64,
) -> Result<ScheduleReport, store::Error> {
    let state = match &schedule {
        Schedule { removed: true, .. } => "removed",
        Schedule { definition: None, .. } => "broken",
        Schedule { active: true, .. } => "on",
        _ => "off",
    };
    let definition = schedule.definition().ok().flatten().filter(|_| schedule.active);
    let next = match definition {
        Some(definition) => definition.next(schedules::now(conn).await?, next),
        None => Vec::new(),
    };
    let ticks = schedule_ticks::list(conn, &schedule.name, ticks).await?;
    Ok(ScheduleReport { schedule, state, next, ticks })
}
