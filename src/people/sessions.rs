//! Where somebody is signed in: opened, found again, renewed and ended.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Claims, Error, People, User};
use crate::{
    ledger::tokens::{self, Holder},
    store::user_sessions::{self, NewSession, Owner, Term},
};

/// How long an access token is good, seconds.
const ACCESS_TOKEN_S: i32 = 15 * 60;

/// How long somebody stays signed in at the site, days.
const SITE_SESSION_DAYS: i32 = 30;

/// How long an operator's token of the API is good as a cookie, seconds: half a day.
const OPERATOR_SESSION_S: i32 = 12 * 60 * 60;

/// The longest name of a program that is kept, characters.
const LONGEST_AGENT: usize = 200;

/// Who is signed in at the site.
#[derive(Debug, Clone)]
pub enum Guest {
    /// Somebody who signed in with GitHub.
    User(User),
    /// The holder of a token of the API.
    Token(Holder),
}

/// A session of the site that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Its id.
    pub id: Uuid,
    /// What the cookie holds; kept nowhere.
    pub secret: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How long that is, seconds, at most.
    pub seconds: i32,
}

impl People {
    /// Opens a client's session. Returns its access token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_client(
        &self,
        conn: &mut PgConnection,
        user: &User,
        agent: &str,
    ) -> Result<String, Error> {
        let id = Uuid::now_v7();
        let term =
            user_sessions::open_client(conn, id, user.github_id, &short(agent), ACCESS_TOKEN_S).await?;
        Ok(self.token(user.github_id, id, term))
    }

    /// A new access token of a client's session that goes on; `None`: it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_client(
        &self,
        pool: &PgPool,
        user: &User,
        session: Uuid,
    ) -> Result<Option<String>, Error> {
        let term = user_sessions::renew_client(&mut *pool.acquire().await?, session, ACCESS_TOKEN_S).await?;
        Ok(term.map(|term| self.token(user.github_id, session, term)))
    }

    fn token(&self, github_id: i64, session: Uuid, term: Term) -> String {
        let claims = Claims {
            sub: github_id.to_string(),
            sid: session,
            iat: term.issued_at_s,
            exp: term.expires_at_s,
        };
        claims.sign(&self.key)
    }

    /// Whose access token this is, and of which session; `None`: nobody's, or it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_token(&self, pool: &PgPool, token: &str) -> Result<Option<(User, Uuid)>, Error> {
        let Some(claims) = Claims::read(token, &self.key) else { return Ok(None) };
        let Ok(github_id) = claims.sub.parse() else { return Ok(None) };
        let mut conn = pool.acquire().await?;
        let user = user_sessions::of_client(&mut conn, claims.sid, github_id, claims.exp).await?;
        Ok(user.map(|user| (user, claims.sid)))
    }

    /// Opens a session of the site for somebody who signed in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_site(
        &self,
        conn: &mut PgConnection,
        user: &User,
        agent: &str,
    ) -> Result<Opened, Error> {
        let (id, secret, agent) = (Uuid::now_v7(), secret(), short(agent));
        let seconds = SITE_SESSION_DAYS * 24 * 60 * 60;
        let new = NewSession { id, sha256: &digest(&secret), agent: &agent, seconds };
        let expires_at = user_sessions::open_site(conn, new, user.github_id).await?;
        Ok(Opened { id, secret, expires_at, seconds })
    }

    /// Opens a session of the site for the holder of a token of the API: for half a day, and never longer than the token is
    /// in force. `None`: by now it isn't.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_site_for_token(
        &self,
        pool: &PgPool,
        holder: &Holder,
        agent: &str,
    ) -> Result<Option<Opened>, Error> {
        let (id, secret, agent) = (Uuid::now_v7(), secret(), short(agent));
        let seconds = OPERATOR_SESSION_S;
        let new = NewSession { id, sha256: &digest(&secret), agent: &agent, seconds };
        let mut conn = pool.acquire().await?;
        let opened = user_sessions::open_site_for_token(&mut conn, new, &holder.name).await?;
        Ok(opened.map(|expires_at| Opened { id, secret, expires_at, seconds }))
    }

    /// Who holds this cookie of the site, and the session it belongs to; `None`: nobody, or it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_cookie(&self, pool: &PgPool, cookie: &str) -> Result<Option<(Guest, Uuid)>, Error> {
        let digest = digest(cookie);
        let found = user_sessions::of_site(&mut *pool.acquire().await?, &digest).await?;
        let Some((session, owner, stored)) = found else { return Ok(None) };
        if !tokens::same(stored.as_bytes(), digest.as_bytes()) {
            return Ok(None);
        }
        let guest = match owner {
            Owner::User(user) => Guest::User(user),
            Owner::Token { name, role } => {
                Guest::Token(Holder { name, role: role.parse().map_err(crate::ledger::Error::Refused)? })
            }
        };
        Ok(Some((guest, session)))
    }

    /// What a write of the site has to say along with its cookie: a page of another site can't know it.
    #[must_use]
    pub fn csrf_token(&self, session: Uuid) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(CSRF, session.as_bytes()))
    }

    /// Whether a write of this session said the right thing.
    #[must_use]
    pub fn is_csrf_token(&self, session: Uuid, said: &str) -> bool {
        BASE64_URL_SAFE_NO_PAD.decode(said).is_ok_and(|said| self.key.verify(CSRF, session.as_bytes(), &said))
    }
}

/// What the key signs for writes of the site.
const CSRF: &str = "write of the site";

/// What nobody guesses.
pub(super) fn secret() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is kept of a secret: SHA-256, hex.
pub(super) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// A program's name as it is kept: one line, not too long.
fn short(agent: &str) -> String {
    agent.chars().filter(|letter| !letter.is_control()).take(LONGEST_AGENT).collect()
}
