//! Settings of price sources. There are many sources and each has the same two, so they have no lines of their own in the
//! settings file: `PRICE_<SOURCE>_URL`, and `<SOURCE>_API_KEY` or the file that `<SOURCE>_API_KEY_FILE` names.

use std::{env, fs, path::PathBuf};

use url::Url;

use super::{Error, Origin, Secret};

/// What is set for one source.
#[derive(Debug, Clone, Default)]
pub struct PriceSource {
    /// Where it is asked instead of where it always is.
    pub url: Option<Url>,
    /// The variable that says so.
    pub url_from: Option<String>,
    /// Its key.
    pub key: Option<Secret>,
    /// The variable that holds it, or names the file that does.
    pub key_from: Option<String>,
}

/// What the environment sets for the source of this name, whose key goes by `key_name`. An empty variable counts as unset.
///
/// # Errors
/// Names the variable that can't be used; never its value.
pub fn price_source(name: &str, key_name: &str) -> Result<PriceSource, Error> {
    let (upper, key_upper) = (name.to_uppercase(), key_name.to_uppercase());
    let mut address = variable(&format!("PRICE_{upper}_URL"))?;
    if name == "runpod" && address.is_none() {
        address = variable("RUNPOD_GRAPHQL_URL")?;
    }
    let url_from = address.as_ref().map(|(variable, _)| variable.clone());
    let url = address.map(|(variable, text)| read_url(name, variable, &text)).transpose()?;
    let (key, file) =
        (variable(&format!("{key_upper}_API_KEY"))?, variable(&format!("{key_upper}_API_KEY_FILE"))?);
    let key_from = key.as_ref().or(file.as_ref()).map(|(variable, _)| variable.clone());
    let key = match (key, file) {
        (Some((one, _)), Some((other, _))) => {
            return Err(refused(
                name,
                one.clone(),
                format!("is given twice: {one} and {other} are both set"),
            ));
        }
        (Some((_, text)), None) => Some(Secret::new(text)),
        (None, Some((variable, path))) => {
            let path = PathBuf::from(path);
            let text = fs::read_to_string(&path).map_err(|source| Error::Unreadable {
                what: format!("the file that {variable} names,"),
                path,
                source,
            })?;
            Some(Secret::new(text.trim()))
        }
        (None, None) => None,
    };
    Ok(PriceSource { url, url_from, key, key_from })
}

fn variable(name: &str) -> Result<Option<(String, String)>, Error> {
    match env::var_os(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => {
            let text = value.into_string().map_err(|_| Error::NotText(name.to_owned()))?;
            Ok(Some((name.to_owned(), text)))
        }
    }
}

fn read_url(name: &str, variable: String, text: &str) -> Result<Url, Error> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err(refused(name, variable, "must begin with http:// or https://".to_owned())),
        Err(error) => Err(refused(name, variable, format!("is no URL: {error}"))),
    }
}

fn refused(name: &str, variable: String, reason: String) -> Error {
    Error::Value { origin: Origin::Environment(variable), key: format!("prices.{name}"), reason }
}
