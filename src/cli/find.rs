//! From what a person types to a run: an id, the start of one, or `latest`.

use std::str::FromStr;

use sqlx::PgConnection;

use super::CliError;
use crate::{domain::ids::RunId, report::RunReport, store::runs};

/// Characters of an id's start that are enough to look for it.
const SHORTEST_PREFIX: usize = 4;

/// A run as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunRef {
    /// The newest run.
    Latest,
    /// A whole id.
    Id(RunId),
    /// The start of an id, in lower case.
    Prefix(String),
}

impl FromStr for RunRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        if text.len() < SHORTEST_PREFIX || !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(format!(
                "give a run's id, at least {SHORTEST_PREFIX} characters of its start, or `latest` (`dria-bench runs \
                 list` shows them)"
            ));
        }
        Ok(Self::Prefix(text.to_ascii_lowercase()))
    }
}

/// Finds the run meant.
///
/// # Errors
/// Exit 1 when there is none, or several.
pub async fn run(conn: &mut PgConnection, meant: &RunRef) -> Result<RunId, CliError> {
    match meant {
        RunRef::Latest => {
            let newest = runs::list(conn, None, 1).await?;
            newest.first().map(|run| run.id).ok_or_else(|| {
                CliError::failed("there are no runs yet").hint("dria-bench demo, or dria-bench run --help")
            })
        }
        RunRef::Id(id) => match runs::get(conn, *id).await? {
            Some(_) => Ok(*id),
            None => Err(unknown(&id.to_string())),
        },
        RunRef::Prefix(prefix) => match runs::with_prefix(conn, prefix).await?.as_slice() {
            [] => Err(unknown(prefix)),
            [id] => Ok(*id),
            several => {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(CliError::failed(format!("several runs start with `{prefix}`: {}", ids.join(", ")))
                    .hint("give more of the id"))
            }
        },
    }
}

/// The report of a run that was found.
///
/// # Errors
/// Exit 1 when it has gone since, exit 3 when the database fails.
pub async fn report(conn: &mut PgConnection, id: RunId) -> Result<RunReport, CliError> {
    RunReport::read(conn, id).await?.ok_or_else(|| unknown(&id.to_string()))
}

fn unknown(text: &str) -> CliError {
    CliError::failed(format!("there is no run `{text}`")).hint("dria-bench runs list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_id_the_start_of_it_or_as_the_latest() {
        let id = "01a20c6d-6dd3-73e2-98b7-2032ae193e04";
        assert_eq!("latest".parse(), Ok(RunRef::Latest));
        assert_eq!(id.parse(), Ok(RunRef::Id(id.parse().unwrap())));
        assert_eq!("01A2".parse(), Ok(RunRef::Prefix("01a2".to_owned())));
        for bad in ["", "01a", "xyz1", "lates"] {
            assert!(bad.parse::<RunRef>().is_err(), "{bad}");
        }
    }
}
