//! `schedules/*.toml` → [`ScheduleDefinition`].

use std::time::Duration;

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::{Action, CatchUp, Overlap, ScheduleDefinition};
use crate::domain::{
    catalog::Catalog,
    definition::{DefinitionError, Document},
    matrix::parse::{RawMatrix, read as read_matrix, read_money},
    names::UnknownName,
};

/// What a schedule may name.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// GPUs and models.
    pub catalog: &'a Catalog,
    /// Workflows.
    pub workflows: &'a [String],
    /// The program's own chores.
    pub jobs: &'a [&'a str],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    enabled: bool,
    cron: Spanned<String>,
    timezone: Spanned<String>,
    catch_up: Spanned<CatchUp>,
    catch_up_window: Option<Spanned<String>>,
    overlap: Spanned<Overlap>,
    jitter: Option<Spanned<String>>,
    budget_usd_per_day: Option<Spanned<Value>>,
    matrix: Option<Spanned<RawMatrix>>,
    job: Option<Spanned<RawJob>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJob {
    name: Spanned<String>,
}

/// Reads a schedule definition and checks its rules.
///
/// `file_name` is named in errors; its stem must be the schedule's name.
///
/// # Errors
/// The first thing that is wrong, with file, line and column.
pub fn parse(file_name: &str, text: &str, known: Known<'_>) -> Result<ScheduleDefinition, DefinitionError> {
    let document = Document::new(file_name, text);
    let raw: RawSchedule = document.read()?;
    let name = document.own_name(&raw.name)?;
    let cron =
        raw.cron.get_ref().parse().map_err(|error| document.refuse(raw.cron.span(), format!("{error}")))?;
    let catch_up_window = raw.catch_up_window.as_ref().map(|text| document.duration(text)).transpose()?;
    match (*raw.catch_up.get_ref(), &raw.catch_up_window) {
        (CatchUp::Skip, Some(window)) => {
            return Err(
                document.refuse(window.span(), "catch_up = \"skip\" takes no window: nothing is caught up")
            );
        }
        (CatchUp::Latest | CatchUp::All, None) => {
            let reason = "catch_up needs catch_up_window: how old a missed tick may be, e.g. \"6h\"";
            return Err(document.refuse(raw.catch_up.span(), reason));
        }
        _ => {}
    }
    Ok(ScheduleDefinition {
        name,
        description: raw.description.clone(),
        enabled: raw.enabled,
        cron,
        timezone: read_zone(&document, &raw.timezone)?,
        catch_up: *raw.catch_up.get_ref(),
        catch_up_window,
        overlap: *raw.overlap.get_ref(),
        jitter: raw.jitter.as_ref().map_or(Ok(Duration::ZERO), |text| document.duration(text))?,
        budget_usd_per_day: read_budget(&document, &raw)?,
        action: read_action(&document, &raw, known)?,
    })
}

/// A cap on what nothing would be spent of is a mistake.
fn read_budget(document: &Document<'_>, raw: &RawSchedule) -> Result<Option<Decimal>, DefinitionError> {
    let Some(budget) = &raw.budget_usd_per_day else { return Ok(None) };
    if raw.matrix.is_none() {
        let reason = "budget_usd_per_day is for a schedule with a [matrix]: a chore rents nothing";
        return Err(document.refuse(budget.span(), reason));
    }
    let read = read_money(budget.get_ref()).map_err(|reason| document.refuse(budget.span(), reason))?;
    Ok(Some(read))
}

fn read_zone(document: &Document<'_>, text: &Spanned<String>) -> Result<Tz, DefinitionError> {
    text.get_ref().parse().map_err(|_| {
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| (zone.name(), vec![zone.name()]));
        let unknown = UnknownName::among("timezone", text.get_ref(), known);
        document.refuse(text.span(), unknown.to_string())
    })
}

fn read_action(
    document: &Document<'_>,
    raw: &RawSchedule,
    known: Known<'_>,
) -> Result<Action, DefinitionError> {
    match (&raw.matrix, &raw.job) {
        (Some(matrix), None) => {
            let Known { catalog, workflows, .. } = known;
            read_matrix(document, matrix.get_ref(), matrix.span(), catalog, workflows).map(Action::Matrix)
        }
        (None, Some(job)) => {
            if *raw.overlap.get_ref() == Overlap::CancelPrevious {
                let reason = "a chore can't be cancelled: overlap is \"skip\" or \"queue\"";
                return Err(document.refuse(raw.overlap.span(), reason));
            }
            let name = &job.get_ref().name;
            if known.jobs.contains(&name.get_ref().as_str()) {
                return Ok(Action::Job { name: name.get_ref().clone() });
            }
            let jobs = known.jobs.iter().map(|job| (*job, vec![*job]));
            let unknown = UnknownName::among("job", name.get_ref(), jobs);
            Err(document.refuse(name.span(), unknown.to_string()))
        }
        (Some(_), Some(job)) => {
            Err(document.refuse(job.span(), "a schedule has a [matrix] or a [job], not both"))
        }
        (None, None) => Err(document.refuse(raw.name.span(), "a schedule needs a [matrix] or a [job]")),
    }
}
