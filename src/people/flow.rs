//! Signing in with GitHub: away with a state and a challenge (PKCE, S256), and back with a code.
//!
//! A state is good once, for 10 minutes. One of the site is also bound to the browser that began it, by a cookie: else somebody
//! could sign a visitor in as themselves. A client that asked for an address to go to has no cookie here; it is handed its token
//! in the address it comes back to, which anybody can be sent to anyway.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{
    Error, People,
    sessions::{Opened, digest, secret},
};
use crate::{
    ledger::tokens,
    store::{
        outbox::{self, Aggregate},
        sign_ins::{self, NewSignIn},
        users,
    },
};

/// How long somebody may be at GitHub, seconds.
pub const AWAY_S: i32 = 10 * 60;

/// Who began a sign-in.
#[derive(Debug, Clone, Copy)]
pub enum Began<'a> {
    /// A browser at the site, that goes on at a path of it.
    Site {
        /// What its cookie holds.
        browser: &'a str,
        /// The path, with a slash at its beginning.
        return_to: &'a str,
    },
    /// A client that asked for an address.
    Client,
}

/// A sign-in that is done.
#[derive(Debug)]
pub enum SignedIn {
    /// A browser has a session of the site.
    Site {
        /// The session.
        opened: Opened,
        /// The path of the site where it goes on.
        return_to: String,
    },
    /// A client has an access token.
    Client {
        /// The token.
        token: String,
    },
}

impl People {
    /// Begins a sign-in. Returns the address at GitHub to go to.
    ///
    /// # Errors
    /// When nobody can sign in with GitHub here, or the database fails.
    pub async fn begin(&self, pool: &PgPool, began: Began<'_>, redirect_uri: &str) -> Result<String, Error> {
        let github = self.github.as_ref().ok_or(Error::NotConfigured)?;
        let (state, verifier) = (secret(), secret());
        let (kind, browser, return_to) = match began {
            Began::Site { browser, return_to } => ("site", Some(digest(browser)), return_to),
            Began::Client => ("client", None, "/"),
        };
        let new = NewSignIn {
            state_sha256: &digest(&state),
            kind,
            verifier: &verifier,
            browser_sha256: browser.as_deref(),
            return_to,
        };
        sign_ins::begin(&mut *pool.acquire().await?, new, AWAY_S).await?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Ok(github.authorize_url(redirect_uri, &state, &challenge))
    }

    /// Ends a sign-in of somebody who came back from GitHub, in a browser with this cookie, if with any.
    ///
    /// # Errors
    /// When the state is none, was used, is too old or another browser's; when GitHub refuses the code or is away; when the
    /// database fails. Nobody is signed in then, and the state is used up.
    pub async fn finish(
        &self,
        pool: &PgPool,
        back: Back<'_>,
        redirect_uri: &str,
        agent: &str,
    ) -> Result<SignedIn, Error> {
        let github = self.github.as_ref().ok_or(Error::NotConfigured)?;
        let begun =
            sign_ins::take(&mut *pool.acquire().await?, &digest(back.state)).await?.ok_or(Error::BadState)?;
        if let Some(browser) = &begun.browser_sha256 {
            let given = back.browser.map(digest).unwrap_or_default();
            if !tokens::same(browser.as_bytes(), given.as_bytes()) {
                return Err(Error::BadState);
            }
        }
        let profile = github.who(back.code, &begun.verifier, redirect_uri).await?;
        let mut tx = pool.begin().await?;
        let user = users::sign_in(&mut tx, &profile).await?;
        outbox::append(&mut tx, Aggregate::User, &user.github_id.to_string(), user.version).await?;
        let signed_in = if begun.browser_sha256.is_some() {
            let opened = self.open_site(&mut tx, &user, agent).await?;
            SignedIn::Site { opened, return_to: begun.return_to }
        } else {
            SignedIn::Client { token: self.open_client(&mut tx, &user, agent).await? }
        };
        tx.commit().await?;
        Ok(signed_in)
    }

    /// A new value for the cookie of a browser that begins a sign-in.
    #[must_use]
    pub fn new_browser() -> String {
        secret()
    }
}

/// With what somebody comes back from GitHub.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// GitHub's code.
    pub code: &'a str,
    /// The state they went away with.
    pub state: &'a str,
    /// What the cookie of their browser holds.
    pub browser: Option<&'a str>,
}
