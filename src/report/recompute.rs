//! Deriving every published figure of a run from its stored records again, and comparing.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    domain::{
        ids::RunId,
        measure::{
            digest, raw,
            recompute::{self, Difference},
            summarise,
        },
    },
    report::name,
    store::{
        self,
        records::{self, Recorded},
    },
};

/// What was found for one result.
#[derive(Debug, Serialize)]
pub struct Recomputed {
    /// Its row's name, e.g. `concurrent 4`.
    pub result: String,
    /// Whether every figure is what the records give.
    pub equal: bool,
    /// Figures that were compared: those of the row, of the summary, and the digest.
    pub figures: u64,
    /// Requests in the records.
    pub requests: u64,
    /// The figures that differ.
    pub differences: Vec<Difference>,
    /// Why nothing could be compared; null: it was.
    pub problem: Option<String>,
}

/// Recomputes every result of a run.
///
/// # Errors
/// When the database fails.
pub async fn run(conn: &mut PgConnection, run: RunId) -> Result<Vec<Recomputed>, store::Error> {
    Ok(records::list(conn, run).await?.iter().map(one).collect())
}

fn one(stored: &Recorded) -> Recomputed {
    let (requests, compared) = match &stored.records {
        None => (0, Err("its records weren't kept: it was measured by an older version".to_owned())),
        Some(block) => match raw::decode(block) {
            Err(error) => (0, Err(error.to_string())),
            Ok(level) => {
                let mut summary = summarise(&level);
                // What was asked is the run's; whether it was reached follows from the records.
                summary.judge(stored.summary.until.map(|until| until.asked));
                (level.records.len() as u64, compare(stored, &summary, digest(&level)))
            }
        },
    };
    let (figures, differences, problem) = match compared {
        Ok((figures, differences)) => (figures, differences, None),
        Err(problem) => (0, Vec::new(), Some(problem)),
    };
    Recomputed {
        result: name(&stored.summary),
        equal: problem.is_none() && differences.is_empty(),
        figures,
        requests,
        differences,
        problem,
    }
}

/// The row's columns, the summary, and the digest: how many figures, and which differ.
fn compare(
    stored: &Recorded,
    again: &crate::domain::measure::summary::LevelSummary,
    sha256: String,
) -> Result<(u64, Vec<Difference>), String> {
    let unreadable = |error: serde_json::Error| error.to_string();
    let mut found = recompute::differences(&stored.summary, again).map_err(unreadable)?;
    let row = serde_json::to_value(&stored.columns).map_err(unreadable)?;
    let compat = serde_json::to_value(&again.compat).map_err(unreadable)?;
    recompute::compare("row", &row, &compat, &mut found);
    let (stored_sha256, sha256) = (Value::from(stored.records_sha256.clone()), Value::from(sha256));
    recompute::compare("records_sha256", &stored_sha256, &sha256, &mut found);
    let figures = leaves(&serde_json::to_value(again).map_err(unreadable)?) + leaves(&compat) + 1;
    Ok((figures, found))
}

fn leaves(value: &Value) -> u64 {
    match value {
        Value::Object(fields) => fields.values().map(leaves).sum(),
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}
