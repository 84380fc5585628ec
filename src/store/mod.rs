//! All SQL, a file a table family.
//!
//! Every function takes the caller's connection, so callers own transactions. Times are the database's own `now()`:
//! leases, back-off and schedules compare there, whatever a worker's clock says. The store never calls out.

pub mod api_tokens;
pub mod assistant_spend;
pub mod attempts;
pub mod audit;
pub mod budgets;
pub mod chat_logs;
pub mod chores;
pub mod comment_reports;
pub mod comments;
pub mod conversations;
pub mod data_versions;
pub mod database;
pub mod dead;
pub mod deliveries;
pub mod events;
pub mod evidence;
mod explain;
pub mod explorer;
pub mod figures;
pub mod history;
pub mod idempotency;
pub mod imports;
pub mod invariants;
pub mod jobs;
pub mod matrices;
pub mod matrix_cells;
pub mod measured;
pub mod original_prices;
pub mod original_runs;
pub mod outbox;
pub mod outgoing;
pub mod personal_data;
pub mod pods;
pub mod price_offers;
pub mod price_reads;
pub mod prices;
pub mod publications;
pub mod queues;
pub mod records;
pub mod rentals;
pub mod request_gates;
pub mod result_pages;
pub mod results;
pub mod retention;
pub mod run_pages;
pub mod runs;
pub mod schedule_ticks;
pub mod schedules;
pub mod sign_ins;
pub mod steering;
pub mod steps;
pub mod tokens;
pub mod user_sessions;
pub mod users;
pub mod votes;
pub mod webhooks;
pub mod workers;

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused, failed or could not be reached.
    #[error("{}", explain::explain(.0))]
    Database(#[from] sqlx::Error),
    /// A migration could not be applied.
    #[error("its tables can't be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds something this version doesn't understand.
    #[error("{what} in the database can't be read by this version: {reason}")]
    Unreadable {
        /// Table and column.
        what: &'static str,
        /// What was wrong with it.
        reason: String,
    },
    /// The server or its schema isn't one this version can use.
    #[error("{0}")]
    Unsuitable(String),
}

impl Error {
    /// Whether a row was refused because it breaks the constraint or unique index of this name.
    #[must_use]
    pub fn breaks(&self, constraint: &str) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.constraint() == Some(constraint),
            _ => false,
        }
    }

    /// Whether the error says that the connection, not the statement, is at fault.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Database(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::Tls(_)
            ),
            _ => false,
        }
    }
}

/// Reads a JSON column into its type.
fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    value: serde_json::Value,
) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Unreadable { what, reason: error.to_string() })
}

/// Writes a value into a JSON column.
fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::Unreadable { what, reason: error.to_string() })
}

/// Reads a text column that holds one of a fixed set of names.
fn parse<T>(what: &'static str, text: &str) -> Result<T, Error>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Error::Unreadable { what, reason: error.to_string() })
}
