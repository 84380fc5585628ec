//! Deciding about ticks, and making the matrices of those that fire: one transaction a schedule, under its lock.
//!
//! Times are the database's. Ticks that passed are queued, each with the time its jitter gives it; queued ones whose time
//! has come are worked as the overlap policy says. All of it commits together with the matrix, or none of it.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::{ACTOR, Decided, SchedulerOptions};
use crate::{
    domain::{
        ids::MatrixId,
        kinds::ProviderKind,
        matrix::MatrixDefinition,
        schedule::{Action, Overlap, ScheduleDefinition},
        spec::LoadSpec,
    },
    jobs::host::local_host,
    ledger::{
        By, Error,
        matrices::{self as ledger_matrices, LocalHost, NewMatrix},
    },
    store::{
        matrices,
        schedule_ticks::{self, DueTick, Outcome, Settled},
        schedules,
    },
    workflow::Services,
};

/// Ticks of a schedule that one look works at most.
const MOST: i64 = 1000;

/// Decides about every tick that passed, and makes the matrices whose time has come. What fails with one schedule stops no
/// other. Chores are left to [`super::do_chores`].
///
/// # Errors
/// When the database fails.
pub async fn fire_due(services: &Services, options: &SchedulerOptions) -> Result<Vec<Decided>, Error> {
    let names = schedules::watched(&mut *services.pool.acquire().await?).await?;
    let mut decided = Vec::new();
    for name in names {
        match fire_one(services, options, &name).await {
            Ok(of_this) => decided.extend(of_this),
            Err(Error::Store(error)) if error.is_unreachable() => return Err(error.into()),
            Err(error) => {
                tracing::error!(schedule = %name, %error, "could not look whether a schedule is due")
            }
        }
    }
    Ok(decided)
}

async fn fire_one(
    services: &Services,
    options: &SchedulerOptions,
    name: &str,
) -> Result<Vec<Decided>, Error> {
    let mut tx = services.pool.begin().await?;
    // Somebody else looks at it at this moment.
    let Some((schedule, now)) = schedules::lock(&mut tx, name).await? else { return Ok(Vec::new()) };
    let Some(definition) = schedule.definition()? else { return Ok(Vec::new()) };
    if schedule.active {
        queue_due(&mut tx, &definition, schedule.last_tick, now).await?;
    } else {
        schedule_ticks::give_up(&mut tx, name, "the schedule was turned off").await?;
    }
    let decided = match &definition.action {
        Action::Matrix(matrix) => {
            let firing = Firing { services, options, schedule: &definition, matrix, now };
            firing.work(&mut tx).await?
        }
        Action::Job { .. } => Vec::new(),
    };
    tx.commit().await?;
    Ok(decided)
}

/// Queues the ticks that passed since `last_tick` and are to fire, and records those that were missed.
async fn queue_due(
    conn: &mut PgConnection,
    definition: &ScheduleDefinition,
    last_tick: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let due = definition.due(last_tick, now);
    let Some(last) = due.last() else { return Ok(()) };
    let start_at: Vec<_> = due.fire.iter().map(|tick| definition.start_of(*tick)).collect();
    schedule_ticks::queue(conn, &definition.name, &due.fire, &start_at, ACTOR).await?;
    if !due.missed.is_empty() {
        let reason = "no scheduler ran when it was due";
        schedule_ticks::miss(conn, &definition.name, &due.missed, ACTOR, reason).await?;
        let (schedule, missed) = (&definition.name, due.missed.len());
        tracing::warn!(%schedule, missed, "ticks passed while no scheduler ran");
    }
    schedules::advance(conn, &definition.name, last).await?;
    Ok(())
}

/// A schedule of matrices that is looked at.
struct Firing<'a> {
    services: &'a Services,
    options: &'a SchedulerOptions,
    schedule: &'a ScheduleDefinition,
    matrix: &'a MatrixDefinition,
    now: DateTime<Utc>,
}

impl Firing<'_> {
    /// Works the queued ticks whose time has come, oldest first.
    async fn work(&self, conn: &mut PgConnection) -> Result<Vec<Decided>, Error> {
        let due = schedule_ticks::due(conn, &self.schedule.name, MOST).await?;
        let newest = due.last().map(|due| due.tick);
        let mut decided = Vec::new();
        for due in due {
            let before = matrices::live_of_schedule(conn, &self.schedule.name).await?;
            let (outcome, settled) = match (before.first(), self.schedule.overlap) {
                _ if self.is_given_up(&due) => {
                    let reason = "no scheduler ran when it should have started";
                    (Outcome::Missed, Settled { reason: Some(reason.to_owned()), ..Settled::default() })
                }
                (None, _) => self.start(conn, &due).await?,
                (Some(matrix), Overlap::Skip) => skipped(format!("matrix {matrix} was still running")),
                (Some(_), Overlap::Queue) => break,
                (Some(_), Overlap::CancelPrevious) if Some(due.tick) != newest => {
                    skipped("a later tick took its place".to_owned())
                }
                (Some(_), Overlap::CancelPrevious) => {
                    self.cancel(conn, &before).await?;
                    break;
                }
            };
            schedule_ticks::settle(conn, &self.schedule.name, due.tick, outcome, &settled).await?;
            decided.push(Decided {
                schedule: self.schedule.name.clone(),
                tick: due.tick,
                outcome,
                matrix: settled.matrix,
                reason: settled.reason,
            });
        }
        Ok(decided)
    }

    /// Where ticks don't wait for each other, one can only be late because nobody was there.
    fn is_given_up(&self, due: &DueTick) -> bool {
        self.schedule.overlap == Overlap::Skip
            && !due.manual
            && self.schedule.is_too_late(due.start_at, self.now)
    }

    /// Makes the matrix of a tick. Where it can't be made the tick failed, and the next one is tried again.
    async fn start(&self, conn: &mut PgConnection, due: &DueTick) -> Result<(Outcome, Settled), Error> {
        // A savepoint: what a failure leaves is undone, and what was decided before stays.
        let mut savepoint = conn.begin().await?;
        match self.make(&mut savepoint, due).await {
            Ok(matrix) => {
                savepoint.commit().await?;
                Ok((Outcome::Fired, Settled { matrix: Some(matrix), ..Settled::default() }))
            }
            Err(error) => {
                savepoint.rollback().await?;
                Ok((Outcome::Failed, Settled { reason: Some(error.to_string()), ..Settled::default() }))
            }
        }
    }

    async fn make(&self, conn: &mut PgConnection, due: &DueTick) -> Result<MatrixId, Error> {
        let workflow = self.options.definitions.workflow(&self.matrix.workflow)?;
        let local = match self.matrix.provider {
            ProviderKind::Local => Some(this_host(self.services).await?),
            ProviderKind::Runpod | ProviderKind::Endpoint => None,
        };
        let defaults = &self.options.config.load;
        let load = LoadSpec {
            rates: workflow.rates(),
            seconds: defaults.seconds,
            prompt_tokens: defaults.prompt_tokens,
            output_tokens: defaults.output_tokens,
            seed: defaults.seed,
            max_in_flight: defaults.max_in_flight,
            until: None,
        };
        let new = NewMatrix {
            schedule: Some(&self.schedule.name),
            tick: (!due.manual).then_some(due.tick),
            definition: self.matrix,
            workflow: &workflow,
            load: &load,
            local: local.as_ref(),
        };
        ledger_matrices::create(conn, &new, &due.actor).await
    }

    /// Has what still runs end, through its teardown; the tick waits for that.
    async fn cancel(&self, conn: &mut PgConnection, before: &[MatrixId]) -> Result<(), Error> {
        for matrix in before {
            let queue = self.services.queue.as_ref();
            if ledger_matrices::request_cancel(conn, queue, *matrix, By::from(ACTOR)).await? {
                let schedule = &self.schedule.name;
                tracing::info!(%schedule, %matrix, "cancelled for the sake of a later tick of its schedule");
            }
        }
        Ok(())
    }
}

fn skipped(reason: String) -> (Outcome, Settled) {
    (Outcome::SkippedOverlap, Settled { reason: Some(reason), ..Settled::default() })
}

/// This host, for a matrix that runs on it.
async fn this_host(services: &Services) -> Result<LocalHost, Error> {
    let data_dir = services.data_dir.clone();
    tokio::task::spawn_blocking(move || local_host(&data_dir))
        .await
        .map_err(|error| Error::Refused(format!("this machine could not be looked at: {error}")))
}
