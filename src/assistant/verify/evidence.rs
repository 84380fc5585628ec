//! What tools found in this turn: every number with the place it came from, and which places an answer may link to.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
};

use serde::Serialize;
use serde_json::Value;

use super::scan::{Number, Unit, scan};

/// Key of an object that says where on our site its numbers are shown.
pub(crate) const LINK: &str = "link";
/// Key of an object that says what is shown there.
const TITLE: &str = "title";
/// Keys of texts that strangers may have written, names and versions: digits in them are no figures, and such a text may be
/// quoted as a whole.
const NAMES: &[&str] = &[
    TITLE,
    "model",
    "parameter_size",
    "precision",
    "engine",
    "engine_version",
    "gpu",
    "provider",
    "platform",
    "tier",
    "a",
    "b",
];
/// Keys whose digits are no figures.
const IDS: &[&str] = &[LINK, "run", "a_run", "b_run"];

/// A page of our site that numbers came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Source {
    /// Its path on the site.
    pub link: String,
    /// What it shows.
    pub title: String,
}

/// Where a number of an answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In what a tool put out: the number of its source.
    Source(usize),
    /// In the question alone.
    Question,
    /// Nowhere.
    Unknown,
}

/// Everything that an answer may state.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    sources: Vec<Source>,
    by_link: HashMap<String, usize>,
    figures: Vec<(f64, usize)>,
    dates: HashMap<String, usize>,
    asked: Vec<f64>,
    asked_dates: BTreeSet<String>,
    /// Names of two words whose second is a number: `rtx 4090`, `llama 3.1`.
    names: HashSet<(String, String)>,
    /// Names and versions that tools put out, in lower case.
    quotes: HashSet<String>,
}

impl Evidence {
    /// With names that are no figures.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut evidence = Self::default();
        for name in names {
            evidence.learn_name(name);
        }
        evidence
    }

    /// What a tool put out. Its numbers came from the `link` of the object they are in, else of the one around it.
    pub(crate) fn add(&mut self, found: &Value) {
        self.walk(found, None);
    }

    /// The question: what it states may be repeated, but isn't ours.
    pub(crate) fn ask(&mut self, question: &str) {
        let found = scan(question, true);
        self.asked_dates.extend(found.dates.into_iter().map(|at| day(&question[at])));
        self.asked.extend(found.numbers.into_iter().map(|number| number.value));
    }

    /// Pages that numbers came from, in the order they were found.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The number of the source with this link; `None`: an answer may not link there.
    pub(crate) fn source_of(&self, link: &str) -> Option<usize> {
        self.by_link.get(link).copied()
    }

    fn walk(&mut self, value: &Value, around: Option<usize>) {
        match value {
            Value::Object(fields) => {
                let here = fields.get(LINK).and_then(Value::as_str).map(|link| {
                    let title = fields.get(TITLE).and_then(Value::as_str).unwrap_or(link);
                    self.source(link, title)
                });
                let from = here.or(around);
                for (key, value) in fields.iter().filter(|(key, _)| !IDS.contains(&key.as_str())) {
                    match value.as_str() {
                        Some(name) if NAMES.contains(&key.as_str()) => self.learn_quote(name),
                        _ => self.walk(value, from),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.walk(value, around)),
            Value::Number(number) => {
                if let (Some(value), Some(from)) = (number.as_f64(), around) {
                    self.figures.push((value.abs(), from));
                }
            }
            Value::String(text) => {
                let Some(from) = around else { return };
                let found = scan(text, false);
                self.figures.extend(found.numbers.into_iter().map(|number| (number.value, from)));
                for date in found.dates.into_iter().map(|at| day(&text[at])) {
                    // `24 November 2026` is this date, too.
                    self.figures.extend(date.split('-').filter_map(|part| Some((part.parse().ok()?, from))));
                    self.dates.entry(date).or_insert(from);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn source(&mut self, link: &str, title: &str) -> usize {
        if let Some(known) = self.by_link.get(link) {
            return *known;
        }
        let number = self.sources.len();
        self.sources.push(Source { link: link.to_owned(), title: title.to_owned() });
        self.by_link.insert(link.to_owned(), number);
        number
    }

    /// A text that is nothing but a number is no name: it would make a figure of what a stranger wrote.
    fn learn_quote(&mut self, name: &str) {
        if name.parse::<f64>().is_err() {
            self.quotes.insert(name.to_ascii_lowercase());
        }
    }

    /// Whether what stands at this place of a text is part of a name that a tool put out and the text has as a whole.
    pub(crate) fn is_quoted(&self, text: &str, at: &Range<usize>) -> bool {
        let text = text.to_ascii_lowercase();
        let holds = |name: &str| {
            text.match_indices(name).any(|(start, _)| start <= at.start && at.end <= start + name.len())
        };
        self.quotes.iter().any(|name| holds(name))
    }

    fn learn_name(&mut self, name: &str) {
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        for pair in words.windows(2).filter(|pair| pair[1].starts_with(|c: char| c.is_ascii_digit())) {
            if pair[0].chars().all(char::is_alphabetic) {
                self.names.insert((pair[0].clone(), pair[1].clone()));
            }
        }
    }

    /// Whether the number is the second word of a name: `4090` behind `RTX `.
    pub(crate) fn is_name(&self, text: &str, number: &Number) -> bool {
        let before = text[..number.span.start].strip_suffix([' ', '-']).unwrap_or_default();
        let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
        !word.is_empty() && self.names.contains(&(word, text[number.span.clone()].to_lowercase()))
    }

    /// Where a number came from: of several places the one that `preferred` names, else where it is closest.
    pub(crate) fn origin(&self, number: &Number, preferred: &[usize]) -> Origin {
        let fits = |known: f64| {
            let apart = scales(number.unit).iter().map(|scale| (known * scale - number.value).abs());
            let nearest = apart.fold(f64::INFINITY, f64::min);
            // Half of a step, and what binary fractions lose of it.
            (nearest <= number.step / 2.0 + number.value * 1e-9).then_some(nearest)
        };
        let found = self.figures.iter().filter_map(|(known, from)| Some((fits(*known)?, *from)));
        let closest = found.min_by(|(a, a_from), (b, b_from)| {
            let kept = |from: &usize| !preferred.contains(from);
            kept(a_from).cmp(&kept(b_from)).then(a.total_cmp(b))
        });
        match closest {
            Some((_, from)) => Origin::Source(from),
            None if self.asked.iter().any(|asked| fits(*asked).is_some()) => Origin::Question,
            None => Origin::Unknown,
        }
    }

    /// Where a date came from.
    pub(crate) fn origin_of_date(&self, date: &str) -> Origin {
        let date = day(date);
        match self.dates.get(&date) {
            Some(from) => Origin::Source(*from),
            None if self.asked_dates.contains(&date) => Origin::Question,
            None => Origin::Unknown,
        }
    }
}

/// A date without its time.
fn day(date: &str) -> String {
    date.chars().take(10).collect()
}

/// What a known figure may have been multiplied with to be stated in this unit.
const fn scales(unit: Unit) -> &'static [f64] {
    match unit {
        Unit::Plain => &[1.0],
        Unit::Percent | Unit::Cents => &[1.0, 100.0],
        Unit::Milliseconds => &[1.0, 1e3],
        Unit::Seconds => &[1.0, 1e-3],
        Unit::Minutes => &[1.0, 1.0 / 60.0],
        Unit::Hours => &[1.0, 1.0 / 3600.0],
    }
}
