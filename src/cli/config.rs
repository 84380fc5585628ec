//! `config show`: the settings in force, and where each came from.

use comfy_table::{Table, presets};
use serde_json::{Map, Value, json};

use super::{CliResult, Exit, Output};
use crate::config::{Config, Entry};

/// Prints every setting with its value and origin; secrets as `***`.
///
/// As JSON: `{"<key>": {"value": …, "origin": "default|found|<file>:<line>|environment NAME|flag --name",
/// "variable": "NAME"}}`, `value` being `null` when unset.
///
/// # Errors
/// None today; the signature is that of every command.
#[expect(clippy::unnecessary_wraps, reason = "every command returns the same")]
pub fn show(config: &Config, output: Output) -> CliResult {
    if output.json {
        output.json(&as_json(config.entries()));
    } else {
        output.data(as_table(config.entries()));
    }
    Ok(Exit::Done)
}

fn as_json(entries: &[Entry]) -> Map<String, Value> {
    entries
        .iter()
        .map(|entry| {
            let shown = json!({
                "value": entry.value,
                "origin": entry.origin.to_string(),
                "variable": entry.variable,
            });
            (entry.key.to_owned(), shown)
        })
        .collect()
}

fn as_table(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["SETTING", "VALUE", "ORIGIN", "VARIABLE"]);
    for entry in entries {
        let value = match &entry.value {
            None => "(unset)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.add_row([entry.key, &value, &entry.origin.to_string(), entry.variable]);
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
        let table = as_table(config.entries());
        let json = serde_json::to_string(&as_json(config.entries())).unwrap();
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
