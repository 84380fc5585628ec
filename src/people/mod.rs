//! People: who they are, how they sign in with GitHub, and where they are signed in.
//!
//! A client holds an access token: signed with our key, good for 15 minutes, and bound to a row of `user_sessions`, so that
//! it ends at once when the row is revoked. The site holds a cookie whose digest such a row has. It must not know how an
//! answer looks (`api`), and never lets an e-mail address or a token of GitHub get into a log, an error or an event.

mod access;
pub mod accounts;
mod flow;
mod github;
mod key;
mod sessions;

use std::sync::Arc;

use self::github::Github;
use crate::{config, ledger, store};

pub use crate::store::users::User;
pub use access::Claims;
pub use flow::{AWAY_S, Back, Began, SignedIn};
pub use github::GithubError;
pub use key::{Key, kept_key};
pub use sessions::{Guest, Opened};

/// Why somebody could not be signed in, or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// No OAuth app is set up.
    #[error(
        "nobody can sign in with GitHub here: GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET aren't set. The rest works"
    )]
    NotConfigured,
    /// A state that is none.
    #[error(
        "this sign-in isn't one that began here and in this browser within the last 10 minutes, or it was used: sign in again"
    )]
    BadState,
    /// GitHub doesn't say who it is.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// Nobody has this number.
    #[error(
        "there is no user {0}; /api/v1/admin/users and `dria-bench users list` list those that there are"
    )]
    NoUser(i64),
    /// The key can't be kept.
    #[error("the key that sessions are signed with can't be kept in {}: {source}. Set SECRET_KEY, or make the folder ours", .path.display())]
    Key {
        /// The file.
        path: std::path::PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The kept key is none.
    #[error("{} holds no key: delete it, and everybody signs in anew", .0.display())]
    BadKey(std::path::PathBuf),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Signing in, as this process is set up for it.
#[derive(Debug)]
pub struct People {
    key: Key,
    admins: Vec<String>,
    github: Option<Github>,
}

impl People {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: &config::SignIn) -> Arc<Self> {
        let key = settings
            .secret_key
            .as_ref()
            .map_or_else(Key::random, |secret| Key::new(secret.expose().as_bytes()));
        Arc::new(Self { key, admins: settings.admins.clone(), github: Github::new(settings) })
    }

    /// Whether people can sign in with GitHub here.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.github.is_some()
    }

    /// Whether somebody is an administrator: by login, in any case, or by number. Nobody suspended is.
    #[must_use]
    pub fn is_admin(&self, user: &User) -> bool {
        let by_name = user.username.to_lowercase();
        let by_number = format!("id:{}", user.github_id);
        user.suspended_at.is_none()
            && self.admins.iter().any(|admin| *admin == by_name || *admin == by_number)
    }
}
