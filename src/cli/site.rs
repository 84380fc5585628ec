//! Serving what the store holds, from a command that has something to show.

use std::net::IpAddr;

use sqlx::PgPool;

use super::{CliError, Output};
use crate::{
    api::{self, Server},
    config::{self, Config},
    people,
};

/// The settings of the server, with an address that the command line may say, and the key that sessions are signed with: the
/// one of the settings, else the one of the data folder, which is made where there is none.
///
/// # Errors
/// Exit 3 when the data folder can't keep a key.
pub(super) fn settings(
    config: &Config,
    host: Option<IpAddr>,
    port: Option<u16>,
) -> Result<config::Server, CliError> {
    let mut settings = config.server.clone();
    settings.host = host.unwrap_or(settings.host);
    settings.port = port.unwrap_or(settings.port);
    if settings.sign_in.secret_key.is_none() {
        settings.sign_in.secret_key = Some(people::kept_key(&config.data.dir)?);
    }
    Ok(settings)
}

/// Serves at the address of the settings, or, when that port is taken, at a free one, and says so.
///
/// # Errors
/// Exit 3 when the address can't be listened on.
pub async fn serve(settings: &config::Server, pool: &PgPool, output: Output) -> Result<Server, CliError> {
    match api::serve(settings, pool.clone()).await {
        Err(taken @ api::Error::PortTaken(_)) => {
            output.note(format!("{taken}, so a free one is used; DRIA_BENCH_PORT chooses another."));
            Ok(api::serve(&config::Server { port: 0, ..settings.clone() }, pool.clone()).await?)
        }
        other => Ok(other?),
    }
}

impl From<api::Error> for CliError {
    fn from(error: api::Error) -> Self {
        Self::environment(error.to_string()).hint(match error {
            api::Error::PortTaken(_) => "choose another with DRIA_BENCH_PORT, or 0 for any free one",
            api::Error::NoAdmin(_) => "make one first: dria-bench tokens create --name admin --role admin",
            api::Error::Store(_) => "run `dria-bench doctor`",
            api::Error::Listen { .. } => {
                "choose an address of this machine with DRIA_BENCH_HOST, and a port above 1023 with DRIA_BENCH_PORT"
            }
        })
    }
}

impl From<people::Error> for CliError {
    fn from(error: people::Error) -> Self {
        match error {
            people::Error::Ledger(error) => error.into(),
            people::Error::Store(error) => error.into(),
            people::Error::NoUser(_) => Self::failed(error.to_string()),
            other => Self::environment(other.to_string()),
        }
    }
}
