//! From a source's name of a GPU to the catalog's: spelled exactly, else by `catalog/gpu_names.csv`, else by family, form
//! and memory. Nothing is guessed: a name that could be two cards is unknown, and unknown names are for people to review.

use std::collections::HashMap;

use super::signature::{Signature, plain};
use crate::domain::catalog::{Catalog, CatalogError};

const ALIASES_FILE: &str = "catalog/gpu_names.csv";

/// Whole cards that the catalog doesn't have, beside those of the same family that it has: family and GB. One with less
/// memory than any whole card of its family is a slice.
const OTHER_CARDS: &[(&str, f64)] = &[("a100", 40.0), ("h100", 64.0), ("h20", 96.0)];

/// How far a stated memory may be from the catalog's: GB and GiB are mixed up, and some of it is taken by ECC.
const MEMORY_TOLERANCE: f64 = 0.1;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// To this GPU: its id in the catalog.
    Gpu(String),
    /// To a part of a card, which is never priced.
    Slice,
    /// To a card that was reviewed and isn't followed.
    Ignored,
    /// Nowhere, and why.
    Unknown(&'static str),
}

struct Known {
    id: String,
    memory_gb: Option<f64>,
    signature: Signature,
}

/// Every name there is.
pub struct GpuNames {
    cards: Vec<Known>,
    /// Plain name → index of its card.
    exact: HashMap<String, usize>,
    /// Source (or `*`) and plain name → id; `None`: ignored.
    aliases: HashMap<(String, String), Option<String>>,
}

impl GpuNames {
    /// The names that are part of the program.
    ///
    /// # Errors
    /// When a file of the catalog is broken, or a line leads to a GPU that isn't there.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::new(&Catalog::embedded()?, include_str!("../../../catalog/gpu_names.csv"))
    }

    pub(super) fn new(catalog: &Catalog, aliases: &str) -> Result<Self, CatalogError> {
        let mut names = Self { cards: Vec::new(), exact: HashMap::new(), aliases: HashMap::new() };
        for gpu in catalog.gpus() {
            let card = gpu.alias_of.as_deref().unwrap_or(&gpu.id);
            let from_id = Signature::of(&gpu.id);
            if from_id.slice {
                continue;
            }
            let shown = Signature::of(&gpu.display_name);
            let index = names.cards.iter().position(|known| known.id == card).unwrap_or_else(|| {
                names.cards.push(Known {
                    id: card.to_owned(),
                    memory_gb: gpu.memory_gb.map(f64::from),
                    signature: Signature {
                        form: shown.form.or(from_id.form),
                        family: shown.family,
                        ..from_id
                    },
                });
                names.cards.len() - 1
            });
            let bare = gpu.id.strip_prefix(gpu.vendor.as_str()).unwrap_or(&gpu.id);
            for name in [&gpu.id, bare, &gpu.display_name] {
                names.exact.entry(plain(name)).or_insert(index);
            }
        }
        names.read_aliases(aliases)?;
        Ok(names)
    }

    fn read_aliases(&mut self, text: &str) -> Result<(), CatalogError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for (row, line) in reader.records().zip(2_u64..) {
            let refuse = |column: &str, reason: String| CatalogError {
                file: ALIASES_FILE,
                line,
                column: column.to_owned(),
                reason,
            };
            let row = row.map_err(|error| refuse("", error.to_string()))?;
            let cell = |index: usize| row.get(index).unwrap_or_default().trim();
            let (source, name, id) = (cell(0), cell(1), cell(2));
            if source.is_empty() || name.is_empty() {
                return Err(refuse("name", "every row needs a source (or *) and a name".to_owned()));
            }
            if !id.is_empty() && !self.cards.iter().any(|card| card.id == id) {
                return Err(refuse("gpu_id", format!("`{id}` is no GPU of catalog/gpus.csv")));
            }
            let id = (!id.is_empty()).then(|| id.to_owned());
            self.aliases.insert((source.to_owned(), alias_key(name)), id);
        }
        Ok(())
    }

    /// Where a name of this source leads. `form` are words that say the form where the name doesn't, `memory_gb` is that
    /// of one GPU.
    #[must_use]
    pub fn find(&self, source: &str, name: &str, form: &str, memory_gb: Option<f64>) -> Named {
        let said = Signature::of(name);
        if said.slice {
            return Named::Slice;
        }
        let wanted = Signature {
            form: said.form.or(Signature::of(form).form),
            memory_gb: memory_gb.filter(|gb| gb.is_finite() && *gb > 0.0).or(said.memory_gb),
            ..said
        };
        if let Some(card) = self.exact.get(&plain(name)).map(|index| &self.cards[*index])
            && fits(card, &wanted)
        {
            return Named::Gpu(card.id.clone());
        }
        match self.alias(source, &format!("{name} {form}")).or_else(|| self.alias(source, name)) {
            // Another amount of memory is another card of that name, or a slice of it.
            Some(Some(id)) if self.cards.iter().any(|card| card.id == *id && memory_fits(card, &wanted)) => {
                return Named::Gpu(id.clone());
            }
            Some(None) => return Named::Ignored,
            _ => {}
        }
        self.by_signature(&wanted)
    }

    fn alias(&self, source: &str, name: &str) -> Option<&Option<String>> {
        let name = alias_key(name);
        [source, "*"].iter().find_map(|source| self.aliases.get(&((*source).to_owned(), name.clone())))
    }

    fn by_signature(&self, wanted: &Signature) -> Named {
        let family: Vec<&Known> =
            self.cards.iter().filter(|card| card.signature.family == wanted.family).collect();
        if family.is_empty() || wanted.family.is_empty() {
            return Named::Unknown("the catalog has no such GPU");
        }
        let of_this_size: Vec<&Known> =
            family.iter().copied().filter(|card| memory_fits(card, wanted)).collect();
        if of_this_size.is_empty() {
            let others = OTHER_CARDS.iter().filter(|(name, _)| *name == wanted.family).map(|(_, gb)| *gb);
            let smallest =
                family.iter().filter_map(|card| card.memory_gb).chain(others).fold(f64::INFINITY, f64::min);
            let is_slice = wanted.memory_gb.is_some_and(|gb| gb < smallest * (1.0 - MEMORY_TOLERANCE));
            return if is_slice {
                Named::Slice
            } else {
                Named::Unknown("the catalog has no GPU of this name with so much memory")
            };
        }
        let fitting: Vec<&Known> = of_this_size.iter().copied().filter(|card| fits(card, wanted)).collect();
        let only = |cards: &[&Known]| match cards {
            [card] => Some(Named::Gpu(card.id.clone())),
            _ => None,
        };
        // Where the form isn't said, the card that has none of its own is meant, if there is one.
        let plain: Vec<&Known> =
            fitting.iter().copied().filter(|card| card.signature.form.is_none()).collect();
        only(&fitting).or_else(|| only(&plain).filter(|_| wanted.form.is_none())).unwrap_or(Named::Unknown(
            if fitting.is_empty() {
                "the catalog has no GPU of this name in this form"
            } else {
                "it could be more than one GPU: its form (SXM, PCIe, …) or memory isn't said"
            },
        ))
    }

    /// Memory of a GPU of the catalog, GB.
    #[must_use]
    pub fn memory_gb(&self, id: &str) -> Option<f64> {
        self.cards.iter().find(|card| card.id == id)?.memory_gb
    }
}

/// The same name with or without its makers' words and with anything between its words.
fn alias_key(name: &str) -> String {
    let plain = plain(name);
    let words: Vec<&str> = plain.split(' ').filter(|word| !matches!(*word, "nvidia" | "amd")).collect();
    words.join(" ")
}

fn memory_fits(card: &Known, wanted: &Signature) -> bool {
    match (card.memory_gb, wanted.memory_gb) {
        (Some(known), Some(said)) => (known - said).abs() <= known * MEMORY_TOLERANCE,
        _ => true,
    }
}

/// Whether memory and form are no reason against it. `PCIe` is said of cards that are nothing else, too.
fn fits(card: &Known, wanted: &Signature) -> bool {
    let form_fits = match (card.signature.form, wanted.form) {
        (Some(known), Some(said)) => known == said,
        _ => true,
    };
    form_fits && memory_fits(card, wanted)
}
