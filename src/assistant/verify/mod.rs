//! Nothing leaves the assistant unchecked: every number of an answer is looked for in what tools put out in this turn, gets a
//! link to where it came from, or is marked as not ours; links that lead elsewhere are taken out.
//!
//! Pure. It must not know what a model is, nor where evidence comes from. What it can't see: numbers written as words,
//! and a true number said of the wrong thing.

mod evidence;
mod gate;
mod links;
mod scan;
#[cfg(test)]
mod tests;

pub use evidence::Source;
pub(crate) use evidence::{Evidence, LINK};
pub(crate) use gate::Gate;

use evidence::Origin;

/// Follows a number that no tool put out.
pub(crate) const NOT_OURS: &str = "[not from our data]";
/// Follows a number that only the question has.
pub(crate) const ASKED: &str = "[from your question]";
/// More links than these say no more.
const MOST_LINKS: usize = 4;

/// The sources that an answer names, numbered from 1 in the order of their first mention.
#[derive(Debug, Default)]
pub(crate) struct Citations {
    cited: Vec<usize>,
}

impl Citations {
    fn number(&mut self, source: usize) -> usize {
        if let Some(at) = self.cited.iter().position(|known| *known == source) {
            return at + 1;
        }
        self.cited.push(source);
        self.cited.len()
    }

    /// The sources in their order.
    pub(crate) fn sources(&self, evidence: &Evidence) -> Vec<Source> {
        self.cited.iter().filter_map(|at| evidence.sources().get(*at).cloned()).collect()
    }
}

/// What became of a piece of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The piece as it may be shown.
    pub(crate) text: String,
    /// How many of its numbers no tool put out.
    pub(crate) not_ours: usize,
}

/// Checks a piece of an answer: a line, or some sentences.
pub(crate) fn check(
    piece: &str,
    at_line_start: bool,
    evidence: &Evidence,
    citations: &mut Citations,
) -> Checked {
    let linked = links::keep_ours(piece, evidence);
    let text = &linked.text;
    let in_target = |at: usize| linked.targets.iter().any(|target| target.contains(&at));
    let found = scan::scan(text, at_line_start);
    let dates = found.dates.iter().map(|at| (at.clone(), evidence.origin_of_date(&text[at.clone()])));
    let numbers = found
        .numbers
        .iter()
        .filter(|number| !evidence.is_name(text, number))
        .map(|number| (number.span.clone(), evidence.origin(number, &linked.cited)))
        .filter(|(at, origin)| *origin != Origin::Unknown || !evidence.is_quoted(text, at));
    let mut marks: Vec<_> = dates.chain(numbers).filter(|(at, _)| !in_target(at.start)).collect();
    marks.sort_by_key(|(at, _)| at.start);

    let mut checked = Checked::default();
    let (mut done, mut to_cite) = (0, Vec::new());
    for source in &linked.cited {
        citations.number(*source);
    }
    for (at, origin) in marks {
        let mark = match origin {
            Origin::Source(source) => {
                if !linked.cited.contains(&source) && !to_cite.contains(&source) {
                    to_cite.push(source);
                }
                continue;
            }
            Origin::Question => ASKED,
            Origin::Unknown => {
                checked.not_ours += 1;
                NOT_OURS
            }
        };
        checked.text.push_str(&text[done..at.end]);
        checked.text.push(' ');
        checked.text.push_str(mark);
        done = at.end;
    }
    checked.text.push_str(&text[done..]);
    cite(&mut checked.text, &to_cite, evidence, citations);
    checked
}

/// Puts links to these sources at the end of a piece; in a row of a table, into its last cell.
fn cite(text: &mut String, sources: &[usize], evidence: &Evidence, citations: &mut Citations) {
    let links: String = sources
        .iter()
        .take(MOST_LINKS)
        .filter_map(|at| {
            let link = &evidence.sources().get(*at)?.link;
            Some(format!(" [{}]({link})", citations.number(*at)))
        })
        .collect();
    let mut end = text.trim_end().len();
    if text[..end].trim_start().starts_with('|') && text[..end].ends_with('|') {
        end = text[..end - 1].trim_end().len();
    }
    text.insert_str(end, &links);
}
