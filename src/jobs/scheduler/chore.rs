//! Doing the chores whose tick has come, one at a time a schedule.
//!
//! A transaction holds the right to do it and the tick's row until the chore is done; the chore itself works in small
//! transactions of its own. When the process dies its session ends, the tick waits again, and whoever looks next does it.

use super::{Decided, SchedulerOptions};
use crate::{
    domain::schedule::{Action, Overlap, ScheduleDefinition},
    jobs::chores::{self, ChoreContext},
    ledger::Error,
    store::{
        schedule_ticks::{self, Outcome, Settled},
        schedules,
    },
    workflow::Services,
};

/// Does every chore whose tick has come. One that fails has its tick marked with the reason, stops no other, and is done
/// again at its next tick.
///
/// # Errors
/// When the database fails.
pub async fn do_chores(services: &Services, options: &SchedulerOptions) -> Result<Vec<Decided>, Error> {
    let names = schedules::watched(&mut *services.pool.acquire().await?).await?;
    let mut decided = Vec::new();
    for name in names {
        let schedule = schedules::get(&mut *services.pool.acquire().await?, &name).await?;
        // One that this version can't read is reported where ticks are decided.
        let Some(Ok(Some(definition))) = schedule.map(|schedule| schedule.definition()) else { continue };
        if let Action::Job { name: chore } = &definition.action {
            while let Some(of_this) = next_tick(services, options, &definition, chore).await? {
                decided.extend(of_this);
            }
        }
    }
    Ok(decided)
}

/// Works the oldest tick whose time has come; `None`: there is none, or another process is at one of this schedule.
async fn next_tick(
    services: &Services,
    options: &SchedulerOptions,
    definition: &ScheduleDefinition,
    chore: &str,
) -> Result<Option<Vec<Decided>>, Error> {
    let name = &definition.name;
    let mut tx = services.pool.begin().await?;
    if !schedule_ticks::claim_chore(&mut tx, name).await? {
        return Ok(None);
    }
    let Some(due) = schedule_ticks::due(&mut tx, name, 1).await?.pop() else { return Ok(None) };
    let now = schedules::now(&mut tx).await?;
    let is_late = definition.overlap == Overlap::Skip && !due.manual;
    let (outcome, settled) = if is_late && definition.is_too_late(due.start_at, now) {
        let reason = Some("no scheduler ran when it should have started".to_owned());
        (Outcome::Missed, Settled { reason, ..Settled::default() })
    } else {
        match chores::work(chore, ChoreContext { services, config: &options.config }).await {
            Ok(report) => (Outcome::Fired, Settled { report: Some(report), ..Settled::default() }),
            Err(error) => {
                (Outcome::Failed, Settled { reason: Some(error.to_string()), ..Settled::default() })
            }
        }
    };
    schedule_ticks::settle(&mut tx, name, due.tick, outcome, &settled).await?;
    let decide =
        |tick, outcome, reason| Decided { schedule: name.clone(), tick, outcome, matrix: None, reason };
    let mut decided = vec![decide(due.tick, outcome, settled.reason)];
    if definition.overlap == Overlap::Skip {
        let reason = "the chore was still being done";
        let skipped = schedule_ticks::skip_since(&mut tx, name, reason).await?;
        decided.extend(
            skipped.into_iter().map(|tick| decide(tick, Outcome::SkippedOverlap, Some(reason.to_owned()))),
        );
    }
    tx.commit().await?;
    Ok(Some(decided))
}
