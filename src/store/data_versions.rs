//! `data_versions`: a mark that changes with every committed change of what readers see. Triggers raise it, in the
//! transaction of the change, so no writer can forget to.

use sqlx::PgConnection;

use super::Error;

/// What a mark is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Published runs and results, and runs that ended without one.
    Results,
    /// Votes and comments.
    Community,
    /// Prices of GPUs.
    Prices,
    /// Results of runs that were measured here, also of those that still go on.
    Measured,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Community => "community",
            Self::Prices => "prices",
            Self::Measured => "measured",
        }
    }
}

/// A state of the data. Equal ones are the same state; nothing else may be told from them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DataVersion(String);

impl DataVersion {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The state that these are in. Read before the data: what is read later is of this state or a newer one.
///
/// # Errors
/// When the database fails.
pub async fn now(conn: &mut PgConnection, scopes: &[Scope]) -> Result<DataVersion, Error> {
    let scopes: Vec<String> = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    // The time tells a restored database, whose numbers begin again, from the one before.
    let mark = sqlx::query_scalar!(
        r#"select string_agg(version || '@' || extract(epoch from changed_at), ' ' order by scope) as "mark!"
           from data_versions where scope = any($1)"#,
        &scopes
    )
    .fetch_one(conn)
    .await?;
    Ok(DataVersion(mark))
}
