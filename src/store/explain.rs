//! What an error of the database means to a person, and what to do about it.

use std::io::ErrorKind;

/// The error in a sentence or two. Nothing of the connection's URL is in it.
pub(super) fn explain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "nothing listens there (connection refused). Start the server, or correct host and port"
                .to_owned()
        }
        sqlx::Error::Io(error) => {
            format!("it can't be reached ({error}). Check host and port, and that the server runs")
        }
        sqlx::Error::Protocol(reason) => {
            format!("what answers there isn't PostgreSQL ({reason}). Check host and port")
        }
        sqlx::Error::Database(error) => {
            // The server's own words; sqlx adds a line number of the server's source.
            let said = error.message();
            match next(error.code().as_deref().unwrap_or_default()) {
                Some(next) => format!("{said}. {next}"),
                None => said.to_owned(),
            }
        }
        other => other.to_string(),
    }
}

/// What to do about an error of this SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn next(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" | "28000" => "Correct user and password",
        "3D000" => "Create that database, or correct its name",
        "42501" => "Make this user the owner of the database (`alter database … owner to …`)",
        "25006" => "It is a standby, or was set to read-only: use one that can be written to",
        "53100" => "The server's disk is full: free some space on it",
        "53300" => "Close other sessions, or raise the server's `max_connections`",
        "57P03" => "Try again in a moment",
        // A missing extension: `could not open extension control file`.
        "58P01" | "0A000" => "Install the server's contrib package (Debian, Ubuntu: postgresql-contrib)",
        _ => return None,
    })
}
