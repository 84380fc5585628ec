//! Unknown names, and the known ones that were probably meant.

use std::fmt;

/// How many names are offered.
const OFFERED: usize = 3;

/// A name that nothing is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What was looked for: `gpu`, `model`, `workflow`, …
    pub what: &'static str,
    /// The name given.
    pub given: String,
    /// The known names nearest to it, nearest first; empty where nothing is known at all.
    pub nearest: Vec<String>,
}

impl UnknownName {
    /// An unknown name and the nearest of the known ones. Each known thing is its name to show and all it goes by.
    #[must_use]
    pub fn among<'a>(
        what: &'static str,
        given: &str,
        known: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
    ) -> Self {
        let wanted = given.to_lowercase();
        let mut ranked: Vec<(f64, &str)> = known
            .into_iter()
            .map(|(shown, names)| {
                let likeness = names.iter().map(|name| strsim::jaro_winkler(&wanted, &name.to_lowercase()));
                (likeness.fold(0.0, f64::max), shown)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = ranked.into_iter().take(OFFERED).map(|(_, shown)| shown.to_owned()).collect();
        Self { what, given: given.to_owned(), nearest }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`", self.what, self.given)?;
        match self.nearest.as_slice() {
            [] => Ok(()),
            [only] => write!(f, ": did you mean {only}?"),
            [first @ .., last] => write!(f, ": did you mean {} or {last}?", first.join(", ")),
        }
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_each_is_offered_once() {
        let known = [
            ("alpha", vec!["alpha", "first"]),
            ("beta", vec!["beta"]),
            ("gamma", vec!["gamma"]),
            ("delta", vec!["delta"]),
        ];
        let unknown = UnknownName::among("letter", "BETTA", known);
        assert_eq!(unknown.nearest[0], "beta");
        assert_eq!(unknown.nearest.len(), 3);
        let one = UnknownName::among("letter", "firs", [("alpha", vec!["alpha", "first"])]);
        assert_eq!(one.to_string(), "unknown letter `firs`: did you mean alpha?");
        assert_eq!(UnknownName::among("letter", "x", []).to_string(), "unknown letter `x`");
    }
}
