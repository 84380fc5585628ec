//! GitHub, as much as signing in needs: a code for a token, and a token for who it is. The token is used for these two
//! questions and then forgotten.
//!
//! GitHub answers a bad code with 200 and a body that says so, errors of its own with HTML, and is slow at times. Nothing it says
//! is passed on but short names of errors.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{config::Secret, http, store::users::Profile};

/// How long one answer of GitHub's may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The longest answer that is read, bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// The longest login, address and other text that is taken over, characters.
const LONGEST_TEXT: usize = 320;

/// Why GitHub doesn't say who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GithubError {
    /// It refuses the code.
    #[error(
        "GitHub doesn't accept this sign-in ({0}): it was used before, took too long, or isn't GitHub's. Sign in again"
    )]
    Refused(String),
    /// It can't be asked now.
    #[error("GitHub can't be asked now ({0}): sign in again in a minute")]
    Away(String),
}

/// An OAuth app at GitHub.
#[derive(Debug)]
pub(super) struct Github {
    client: reqwest::Client,
    client_id: String,
    client_secret: Secret,
    pages: Url,
    api: Url,
}

/// What `access_token` answers.
#[derive(Deserialize)]
struct Exchange {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    id: i64,
    login: String,
    email: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl Github {
    /// The app of these settings; `None`: there is none.
    pub(super) fn new(settings: &crate::config::SignIn) -> Option<Self> {
        let client = http::direct(Some(PATIENCE))
            .inspect_err(|_| tracing::error!("nobody can sign in: no HTTP client can be made"))
            .ok()?;
        Some(Self {
            client,
            client_id: settings.github_client_id.clone()?,
            client_secret: settings.github_client_secret.clone()?,
            pages: settings.github_url.clone()?,
            api: settings.github_api_url.clone()?,
        })
    }

    /// Where a browser goes to sign in. `challenge` is SHA-256 of PKCE's verifier.
    pub(super) fn authorize_url(&self, redirect_uri: &str, state: &str, challenge: &str) -> String {
        let mut url = below(&self.pages, "login/oauth/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", "read:user user:email")
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        url.into()
    }

    /// Who came back with this code.
    pub(super) async fn who(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Profile, GithubError> {
        let token = self.exchange(code, verifier, redirect_uri).await?;
        let account: Account = self.ask(&token, "user").await?;
        let login = one_line(&account.login);
        if account.id <= 0 || login.is_empty() {
            return Err(GithubError::Away("it didn't say who it is".to_owned()));
        }
        let email = match account.email.filter(|email| !email.is_empty()) {
            Some(email) => email,
            // Somebody who keeps their address to themselves can sign in as well.
            None => self.address(&token).await.unwrap_or_default(),
        };
        Ok(Profile {
            github_id: account.id,
            username: login,
            email: one_line(&email),
            avatar_url: account.avatar_url.as_deref().and_then(picture),
        })
    }

    async fn exchange(&self, code: &str, verifier: &str, redirect_uri: &str) -> Result<String, GithubError> {
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose()),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self
            .client
            .post(below(&self.pages, "login/oauth/access_token"))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let answer: Exchange = read(request.send().await.map_err(away)?).await?;
        match (answer.access_token.filter(|token| !token.is_empty()), answer.error) {
            (Some(token), None) => Ok(token),
            (_, Some(error)) if OURS_TO_MEND.contains(&error.as_str()) => {
                tracing::error!(
                    error,
                    "GitHub refuses our OAuth app: see GITHUB_CLIENT_ID and its neighbours"
                );
                Err(GithubError::Away(error))
            }
            (_, Some(error)) => Err(GithubError::Refused(name_of(&error))),
            (None, None) => Err(GithubError::Away("it gave no token".to_owned())),
        }
    }

    /// The primary address, if it is verified.
    async fn address(&self, token: &str) -> Result<String, GithubError> {
        let all: Vec<Address> = self.ask(token, "user/emails").await?;
        let primary = all.into_iter().find(|address| address.primary && address.verified);
        Ok(primary.map(|address| address.email).unwrap_or_default())
    }

    async fn ask<T: DeserializeOwned>(&self, token: &str, path: &str) -> Result<T, GithubError> {
        let request = self
            .client
            .get(below(&self.api, path))
            .bearer_auth(token)
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        read(request.send().await.map_err(away)?).await
    }
}

/// What GitHub calls a fault of the app, which no visitor can do anything about.
const OURS_TO_MEND: [&str; 3] =
    ["incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"];

/// Reads an answer that is JSON and not too long.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, GithubError> {
    let status = response.status();
    if status != StatusCode::OK {
        return Err(GithubError::Away(format!("it answered {}", status.as_u16())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(GithubError::Away("its answer has no end".to_owned()));
        }
    }
    // What it says instead may be a page, or hold a token.
    serde_json::from_slice(&body).map_err(|_| GithubError::Away("its answer can't be read".to_owned()))
}

fn away(error: reqwest::Error) -> GithubError {
    GithubError::Away(http::explain(error))
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// A text without control characters, cut to a length that nobody's name has.
fn one_line(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
}

/// The address of a picture that a page may show.
fn picture(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    (matches!(url.scheme(), "http" | "https") && address.len() <= 500).then(|| url.into())
}

/// The name of an error as GitHub writes them: anything else is not repeated.
fn name_of(error: &str) -> String {
    let is_name = error.len() <= 60 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_name { error.to_owned() } else { "an error without a name".to_owned() }
}
