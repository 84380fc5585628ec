//! `config show`: the settings in force, and where each came from.

use comfy_table::{Table, presets};
use serde_json::{Map, Value, json};
use url::Url;

use super::{CliError, CliResult, Exit, Output};
use crate::{
    config::{self, Config, Entry, Origin},
    prices::{Settings, sources},
};

/// A line of what is shown.
struct Shown {
    key: String,
    /// `***` for a secret; `None`: unset.
    value: Option<Value>,
    origin: Origin,
    /// The environment variable that overrides it; empty: nothing does.
    variable: String,
}

impl From<&Entry> for Shown {
    fn from(entry: &Entry) -> Self {
        Self {
            key: entry.key.to_owned(),
            value: entry.value.clone(),
            origin: entry.origin.clone(),
            variable: entry.variable.to_owned(),
        }
    }
}

/// Prints every setting with its value and origin, those of the sources of prices after the others; secrets as `***`.
///
/// As JSON: `{"<key>": {"value": …, "origin": "default|found|<file>:<line>|environment NAME|flag --name",
/// "variable": "NAME"}}`, `value` being `null` when unset, `variable` when nothing overrides it.
///
/// # Errors
/// Exit 2 when a variable of a source of prices can't be used.
pub fn show(config: &Config, output: Output) -> CliResult {
    let mut shown: Vec<Shown> = config.entries().iter().map(Shown::from).collect();
    shown.extend(of_prices(config)?);
    if output.json {
        output.json(&as_json(&shown));
    } else {
        output.data(as_table(&shown));
    }
    Ok(Exit::Done)
}

/// How the sources of prices are asked. Intervals and limits are each source's own.
fn of_prices(config: &Config) -> Result<Vec<Shown>, CliError> {
    let usage = |error: config::Error| CliError::usage(error.to_string());
    let fixed = |key: String, value: Value| Shown {
        key,
        value: Some(value),
        origin: Origin::Default,
        variable: String::new(),
    };
    let from = |variable: &Option<String>| variable.clone().map_or(Origin::Default, Origin::Environment);
    let web = Settings::default().web;
    let mut shown = vec![
        fixed("prices.tries".to_owned(), json!(web.calls.tries)),
        fixed("prices.call_limit_s".to_owned(), json!(web.call_limit.as_secs())),
        fixed("prices.pause_ms".to_owned(), json!(web.pause.as_millis())),
        fixed("prices.max_answer_mb".to_owned(), json!(web.max_bytes / 1_000_000)),
    ];
    let ecb = config::price_source("ecb", "ecb").map_err(usage)?;
    shown.push(Shown {
        key: "prices.ecb.url".to_owned(),
        value: ecb.url.map(|url| json!(without_password(url))),
        origin: from(&ecb.url_from),
        variable: "PRICE_ECB_URL".to_owned(),
    });
    for source in sources::ALL {
        let (name, key_name) = (source.name(), source.key_name());
        let set = config::price_source(name, key_name).map_err(usage)?;
        shown.push(Shown {
            key: format!("prices.{name}.url"),
            value: Some(json!(set.url.map_or_else(|| source.default_url().to_owned(), without_password))),
            origin: from(&set.url_from),
            variable: format!("PRICE_{}_URL", name.to_uppercase()),
        });
        if source.needs_key() {
            // RunPod's is a setting of its own, which a file may hold too.
            let elsewhere = config.entries().iter().find(|entry| entry.key == format!("{key_name}.api_key"));
            let elsewhere = elsewhere.filter(|entry| set.key.is_none() && entry.value.is_some());
            let is_set = set.key.is_some() || elsewhere.is_some();
            shown.push(Shown {
                key: format!("prices.{name}.key"),
                value: is_set.then(|| json!("***")),
                origin: elsewhere.map_or_else(|| from(&set.key_from), |entry| entry.origin.clone()),
                variable: format!("{}_API_KEY", key_name.to_uppercase()),
            });
        }
        shown.push(fixed(format!("prices.{name}.interval_s"), json!(source.min_interval().as_secs())));
        shown.push(fixed(format!("prices.{name}.time_limit_s"), json!(source.time_limit().as_secs())));
    }
    Ok(shown)
}

fn without_password(mut url: Url) -> String {
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".to_owned();
    }
    url.to_string()
}

fn as_json(shown: &[Shown]) -> Map<String, Value> {
    shown
        .iter()
        .map(|one| {
            let variable = (!one.variable.is_empty()).then_some(&one.variable);
            let value = json!({ "value": one.value, "origin": one.origin.to_string(), "variable": variable });
            (one.key.clone(), value)
        })
        .collect()
}

fn as_table(shown: &[Shown]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["SETTING", "VALUE", "ORIGIN", "VARIABLE"]);
    for one in shown {
        let value = match &one.value {
            None => "(unset)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.add_row([&one.key, &value, &one.origin.to_string(), &one.variable]);
    }
    table.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Machine, Overrides};

    fn config() -> Config {
        let environment = [("HOME", "/home/ann"), ("DATABASE_URL", "postgres://u:hunter2@h/db")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::from_parts(&Overrides::default(), None, &BTreeMap::from(environment), &Machine::default())
            .unwrap()
    }

    #[test]
    fn both_forms_name_every_origin_and_no_secret() {
        let config = config();
        let shown: Vec<Shown> = config.entries().iter().map(Shown::from).collect();
        let table = as_table(&shown);
        let json = serde_json::to_string(&as_json(&shown)).unwrap();
        for text in [&table, &json] {
            assert!(text.contains("environment DATABASE_URL") && text.contains("***"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        let port = table.lines().find(|line| line.starts_with("server.port")).unwrap();
        assert!(
            port.contains("8000") && port.contains("default") && port.contains("DRIA_BENCH_PORT"),
            "{port}"
        );
    }
}
