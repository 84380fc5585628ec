//! People: who they are, how they sign in with GitHub, and where they are signed in.
//!
//! A client holds an access token: signed with our key, good for 15 minutes, and bound to a row of `user_sessions`, so that
//! it ends at once when the row is revoked. The site holds a cookie whose digest such a row has. It must not know how an
//! answer looks (`api`), and never lets an e-mail address or a token of GitHub get into a log, an error or an event.

mod access;
mod key;
mod sessions;

use std::sync::Arc;

use crate::{config, ledger, store};

pub use crate::store::users::User;
pub use access::Claims;
pub use key::{Key, kept_key};
pub use sessions::{Guest, SITE_SESSION_DAYS};

/// Why somebody could not be signed in, or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
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
}

impl People {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: &config::SignIn) -> Arc<Self> {
        let key = settings
            .secret_key
            .as_ref()
            .map_or_else(Key::random, |secret| Key::new(secret.expose().as_bytes()));
        Arc::new(Self { key, admins: settings.admins.clone() })
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
