//! Laying one source of settings over the other, each value tried as it is laid, so that a bad one is reported with
//! the place it came from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    Config, DEFAULTS, Entry, Error, Machine, Origin, Overrides, REDACTED,
    keys::{self, KEYS, Key},
};

/// The settings laid so far.
pub(super) struct Layers {
    table: Table,
    origins: BTreeMap<&'static str, Origin>,
}

impl Layers {
    pub(super) fn defaults() -> Result<Self, Error> {
        let table = DEFAULTS.parse().map_err(|error: toml::de::Error| Error::Defaults(error.to_string()))?;
        Ok(Self { table, origins: BTreeMap::new() })
    }

    /// Lays the file over, refusing keys that don't exist.
    pub(super) fn file(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let syntax = |error: toml::de::Error| Error::Syntax {
            path: path.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        };
        let values: Table = text.parse().map_err(syntax)?;
        let spans = DeTable::parse(text).map_err(syntax)?;
        let mut leaves = Vec::new();
        collect_leaves(spans.get_ref(), "", &mut leaves);
        for (name, at) in leaves {
            let line = line_of(text, at);
            let Some(key) = keys::find(&name) else {
                let nearest = keys::nearest(&name);
                return Err(Error::UnknownKey { path: path.to_owned(), line, key: name, nearest });
            };
            if let Some(value) = get(&values, key.name) {
                self.lay(key, value.clone(), Origin::File { path: path.to_owned(), line })?;
            }
        }
        Ok(())
    }

    /// Lays the variables over. An empty one counts as unset; a secret may be in the file that `<name>_FILE` names.
    pub(super) fn environment(&mut self, environment: &BTreeMap<String, String>) -> Result<(), Error> {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        for key in KEYS {
            let file_variable = format!("{}_FILE", key.variable);
            match (set(key.variable), set(&file_variable).filter(|_| key.secret)) {
                (Some(_), Some(_)) => {
                    return Err(Error::Value {
                        origin: Origin::Environment(key.variable.to_owned()),
                        key: key.name.to_owned(),
                        reason: format!("is given twice: {} and {file_variable} are both set", key.variable),
                    });
                }
                (Some(text), None) => {
                    self.lay_text(key, text, Origin::Environment(key.variable.to_owned()))?;
                }
                (None, Some(path)) => {
                    let path = PathBuf::from(path);
                    let text = fs::read_to_string(&path).map_err(|source| Error::Unreadable {
                        what: format!("the file that {file_variable} names,"),
                        path,
                        source,
                    })?;
                    self.lay_text(key, text.trim(), Origin::Environment(file_variable))?;
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Lays what the command line says over.
    pub(super) fn flags(&mut self, overrides: &Overrides) -> Result<(), Error> {
        let data_dir = overrides.data_dir.as_ref().map(|dir| dir.display().to_string());
        let flags = [
            ("data.dir", "--data-dir", data_dir),
            ("server.host", "--host", overrides.host.map(|host| host.to_string())),
            ("server.port", "--port", overrides.port.map(|port| port.to_string())),
        ];
        for (name, flag, text) in flags {
            if let (Some(key), Some(text)) = (keys::find(name), text) {
                self.lay_text(key, &text, Origin::Flag(flag))?;
            }
        }
        Ok(())
    }

    /// Fills in what nobody set and this machine knows.
    pub(super) fn found(
        &mut self,
        environment: &BTreeMap<String, String>,
        machine: &Machine,
    ) -> Result<(), Error> {
        if get(&self.table, "data.dir").is_none() {
            let dir = default_data_dir(environment, machine.root).ok_or(Error::NoHome)?;
            self.lay_found("data.dir", &dir)?;
        }
        if get(&self.table, "engines.llamacpp.python").is_none() {
            let python =
                machine.tools.iter().map(|tools| tools.join("llama/bin/python")).find(|path| path.exists());
            if let Some(python) = python {
                self.lay_found("engines.llamacpp.python", &python)?;
            }
        }
        Ok(())
    }

    /// The whole, checked.
    pub(super) fn finish(self) -> Result<(Config, Vec<Entry>), Error> {
        let config = parse(&self.table).map_err(Error::Defaults)?;
        let refuse = |name: &str, reason: String| {
            Err(Error::Value { origin: self.origin(name), key: name.to_owned(), reason })
        };
        if config.worker.heartbeat * 2 > config.worker.lease {
            let lease = config.worker.lease.as_millis();
            let blamed = if self.origins.contains_key("worker.heartbeat_ms") {
                "worker.heartbeat_ms"
            } else {
                "worker.lease_ms"
            };
            return refuse(
                blamed,
                format!("won't do: a heartbeat may take at most half the lease ({lease} ms)"),
            );
        }
        let entries = KEYS
            .iter()
            .map(|key| Entry {
                key: key.name,
                value: get(&self.table, key.name).map(|value| {
                    if key.secret {
                        serde_json::Value::from(REDACTED)
                    } else {
                        serde_json::to_value(value).unwrap_or_default()
                    }
                }),
                origin: self.origin(key.name),
                variable: key.variable,
            })
            .collect();
        Ok((config, entries))
    }

    fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }

    fn lay_found(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        match keys::find(name) {
            Some(key) => self.lay(key, Value::String(path.display().to_string()), Origin::Found),
            None => Ok(()),
        }
    }

    /// Lays a value that came as text: it takes the type of the value it replaces; where there is none it is a string.
    fn lay_text(&mut self, key: &'static Key, text: &str, origin: Origin) -> Result<(), Error> {
        let is_text = matches!(get(&self.table, key.name), None | Some(Value::String(_)));
        let value = if is_text {
            Value::String(text.to_owned())
        } else {
            match format!("value = {text}").parse::<Table>() {
                Ok(mut table) if table.len() == 1 => {
                    table.remove("value").unwrap_or(Value::String(text.to_owned()))
                }
                _ => Value::String(text.to_owned()),
            }
        };
        self.lay(key, value, origin)
    }

    fn lay(&mut self, key: &'static Key, value: Value, origin: Origin) -> Result<(), Error> {
        let refuse =
            |reason: String| Error::Value { origin: origin.clone(), key: key.name.to_owned(), reason };
        if matches!(&value, Value::String(text) if text.is_empty()) {
            return Err(refuse("is empty; leave it out instead".to_owned()));
        }
        // Whole numbers are fine where fractions are.
        let value = match (get(&self.table, key.name), value) {
            (Some(Value::Float(_)), Value::Integer(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        put(&mut self.table, key.name, value);
        // The data folder is the only one without a default that has to be there: any will do for the trial.
        let mut trial = self.table.clone();
        if get(&trial, "data.dir").is_none() {
            put(&mut trial, "data.dir", Value::String("/".to_owned()));
        }
        if let Err(reason) = parse(&trial) {
            return Err(refuse(if key.secret { "can't be used".to_owned() } else { reason }));
        }
        self.origins.insert(key.name, origin);
        Ok(())
    }
}

fn parse(table: &Table) -> Result<Config, String> {
    Config::deserialize(table.clone()).map_err(|error: toml::de::Error| error.message().to_owned())
}

/// Every value that isn't a table, by its dotted name, with the position of its key.
fn collect_leaves(table: &DeTable<'_>, prefix: &str, leaves: &mut Vec<(String, usize)>) {
    for (key, value) in table {
        let name =
            if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() || is_section(&name) => {
                collect_leaves(inner, &name, leaves);
            }
            _ => leaves.push((name, key.span().start)),
        }
    }
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn get<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    let (section, last) = name.rsplit_once('.')?;
    section.split('.').try_fold(table, |table, part| table.get(part)?.as_table())?.get(last)
}

fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// The line, counted from 1, of a position in a text.
fn line_of(text: &str, position: usize) -> usize {
    text.as_bytes().iter().take(position).filter(|byte| **byte == b'\n').count() + 1
}

fn default_data_dir(environment: &BTreeMap<String, String>, root: bool) -> Option<PathBuf> {
    if root {
        return Some(PathBuf::from("/var/lib/dria-bench"));
    }
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|share| share.join("dria-bench"))
}
