//! `data_versions`: a mark that changes with every committed change of what readers see. Triggers raise it, in the
//! transaction of the change, so no writer can forget to.

use std::collections::BTreeMap;

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

/// The states that all scopes are in, as one look at them found it.
#[derive(Debug, Clone, Default)]
pub struct Marks(BTreeMap<String, String>);

impl Marks {
    /// The state that these scopes are in together.
    #[must_use]
    pub fn of(&self, scopes: &[Scope]) -> DataVersion {
        let marks = scopes.iter().filter_map(|scope| self.0.get(scope.as_str()));
        DataVersion(marks.map(String::as_str).collect::<Vec<_>>().join(" "))
    }
}

/// The states of all scopes. Read before the data: what is read later is of this state or a newer one.
///
/// # Errors
/// When the database fails.
pub async fn now(conn: &mut PgConnection) -> Result<Marks, Error> {
    // The time tells a restored database, whose numbers begin again, from the one before.
    let marks = sqlx::query!(
        r#"select scope, version || '@' || extract(epoch from changed_at) as "mark!" from data_versions"#
    )
    .fetch_all(conn)
    .await?;
    Ok(Marks(marks.into_iter().map(|row| (row.scope, row.mark)).collect()))
}
