//! Every run in memory, each facet as a dictionary and a column of codes: counting all facets of ten thousand runs takes
//! less than a millisecond, where a database needs twenty.

use std::collections::{BTreeSet, HashMap};

use super::{Facet, Listed, order};

/// Runs to search. It never changes; another state of the data is another index.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) runs: Vec<Listed>,
    /// By [`Facet::ALL`].
    pub(super) columns: Vec<Column>,
    /// What text is looked for in, lower-case; one a run.
    pub(super) texts: Vec<String>,
    /// By [`super::SortKey::ALL`].
    pub(super) orders: Vec<order::Order>,
    by_id: HashMap<String, usize>,
}

/// A facet of every run.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) entries: Vec<Entry>,
    /// One a run: its place in `entries`.
    pub(super) codes: Vec<u32>,
}

/// A value of a facet.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) value: String,
    /// Itself and what else it is called, lower-case.
    names: BTreeSet<String>,
}

impl Index {
    /// Of these runs; of two with one id the first counts.
    #[must_use]
    pub fn new(mut runs: Vec<Listed>) -> Self {
        let mut known = BTreeSet::new();
        runs.retain(|run| known.insert(run.id.clone()));
        let mut by_id: HashMap<String, usize> = HashMap::new();
        for (place, run) in runs.iter().enumerate() {
            by_id.insert(run.id.clone(), place);
            if let Some(id) = run.run {
                by_id.entry(id.to_string()).or_insert(place);
            }
        }
        Self {
            columns: Facet::ALL.map(|facet| Column::of(facet, &runs)).into(),
            texts: runs.iter().map(text).collect(),
            orders: order::orders(&runs),
            by_id,
            runs,
        }
    }

    /// How many runs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The run that is called so, by its `pod_id` or its run's id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Listed> {
        self.runs.get(*self.by_id.get(id)?)
    }
}

fn text(run: &Listed) -> String {
    let mut text = String::new();
    for part in [&run.id, &run.model, &run.llm_id, &run.engine, &run.gpu, &run.gpu_id] {
        text.push_str(part);
        // Nobody looks for it, so no text is found across two parts.
        text.push('\n');
    }
    text.to_lowercase()
}

impl Column {
    fn of(facet: Facet, runs: &[Listed]) -> Self {
        let mut codes_of: HashMap<String, u32> = HashMap::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut codes = Vec::with_capacity(runs.len());
        for run in runs {
            let value = facet.of(run);
            let code = *codes_of.entry(value.to_string()).or_insert_with(|| {
                let names = BTreeSet::from([value.to_lowercase()]);
                entries.push(Entry { value: value.into_owned(), names });
                (entries.len() - 1) as u32
            });
            if let (Some(alias), Some(entry)) = (facet.alias(run), entries.get_mut(code as usize)) {
                entry.names.insert(alias.to_lowercase());
            }
            codes.push(code);
        }
        Self { entries, codes }
    }

    /// Which entries the given values mean.
    pub(super) fn meant(&self, values: &[String]) -> Vec<bool> {
        let mut meant = vec![false; self.entries.len()];
        for value in values {
            let value = value.to_lowercase();
            let is_exact = self.entries.iter().any(|entry| entry.names.contains(&value));
            for (meant, entry) in meant.iter_mut().zip(&self.entries) {
                *meant |= if is_exact {
                    entry.names.contains(&value)
                } else {
                    entry.names.iter().any(|name| name.contains(&value))
                };
            }
        }
        meant
    }
}
