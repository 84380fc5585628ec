//! How people sign in: GitHub's OAuth app, the key of sessions, and who is an administrator.

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::Secret;

/// The shortest key, bytes: a shorter one could be guessed from a token.
const SHORTEST_KEY: usize = 16;

/// Signing in. By default nobody can.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The OAuth app's id; `None`: nobody can sign in with GitHub.
    pub github_client_id: Option<String>,
    /// The OAuth app's secret.
    pub github_client_secret: Option<Secret>,
    /// Where GitHub sends people back to; `None`: the server's own `/auth/github/callback`.
    #[serde(default, deserialize_with = "some_address")]
    pub github_redirect_uri: Option<Url>,
    /// GitHub's pages.
    #[serde(default, deserialize_with = "some_base")]
    pub github_url: Option<Url>,
    /// GitHub's API.
    #[serde(default, deserialize_with = "some_base")]
    pub github_api_url: Option<Url>,
    /// What sessions and tokens are signed with; `None`: a key that ends with the process.
    #[serde(default, deserialize_with = "some_key")]
    pub secret_key: Option<Secret>,
    /// Administrators: GitHub logins in lower case, or `id:<number>`.
    #[serde(default, deserialize_with = "names")]
    pub admins: Vec<String>,
}

fn some_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse =
        || de::Error::custom(format!("must be an address such as https://example.org, and is {text}"));
    let url = Url::parse(&text).map_err(|_| refuse())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain {
        Ok(Some(url))
    } else {
        Err(refuse())
    }
}

/// An address that paths are put behind: without a query, and without a slash at the end of its path.
pub(super) fn some_base<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let Some(mut url) = some_address(deserializer)? else { return Ok(None) };
    if url.query().is_some() {
        return Err(de::Error::custom(format!("must be an address without a query, and is {url}")));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Some(url))
}

fn some_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let key = String::deserialize(deserializer)?;
    if key.len() < SHORTEST_KEY {
        return Err(de::Error::custom(format!("must have at least {SHORTEST_KEY} characters")));
    }
    Ok(Some(Secret::new(key)))
}

/// Names with commas between them, or a list of names.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        Text(String),
        List(Vec<String>),
    }
    let names = match Names::deserialize(deserializer)? {
        Names::Text(text) => text.split(',').map(|name| name.trim().to_lowercase()).collect(),
        Names::List(list) => list.iter().map(|name| name.trim().to_lowercase()).collect::<Vec<_>>(),
    };
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !is_login(name.strip_prefix("id:").unwrap_or(name))) {
        Some(odd) => {
            Err(de::Error::custom(format!("has `{odd}`, which is no GitHub login and no id:<number>")))
        }
        None => Ok(names),
    }
}

/// What GitHub lets a login be, and a little more: those of companies have an underscore.
fn is_login(name: &str) -> bool {
    (1..=60).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
