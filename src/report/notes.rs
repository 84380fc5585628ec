//! Footnotes: what a reader must know before believing a row, in words.

use std::collections::BTreeMap;

use super::{in_order, name};
use crate::domain::measure::{flags::Flag, summary::LevelSummary};

/// One line a flag and one a kind of failure, each with the rows it is about; empty where there is nothing to say.
#[must_use]
pub fn notes(levels: &[LevelSummary]) -> Vec<String> {
    let levels = in_order(levels);
    let flags = by_key(&levels, |level| {
        level.instrument.flags.iter().map(|code| {
            let words = Flag::from_code(code)
                .map_or_else(|| "(not known to this version)".to_owned(), |flag| flag.in_words_of(level));
            (format!("{code}: {words}"), ())
        })
    });
    let flags = flags.into_iter().map(|(flag, rows)| {
        let names: Vec<_> = rows.into_iter().map(|(level, ())| level).collect();
        format!("{flag}: {}", rows_in_words(&names, levels.len()))
    });
    let failures = by_key(&levels, |level| level.errors.iter().map(|(code, n)| (code.clone(), n)));
    let failures = failures.into_iter().map(|(code, rows)| {
        let said = rows.iter().find_map(|(level, _)| level.observed.error_samples.get(&code));
        let said =
            said.filter(|said| !said.is_empty()).map(|said| format!(" (`{said}`)")).unwrap_or_default();
        let rows: Vec<_> = rows.into_iter().map(|(level, n)| format!("{n} in {}", name(level))).collect();
        format!("failed with {code}{said}: {}", rows.join(", "))
    });
    flags.chain(failures).collect()
}

/// What the levels carry, gathered by code: for each code, the levels that carry it and with what.
fn by_key<'a, T, I: Iterator<Item = (String, T)>>(
    levels: &[&'a LevelSummary],
    of: impl Fn(&'a LevelSummary) -> I,
) -> BTreeMap<String, Vec<(&'a LevelSummary, T)>> {
    let mut gathered: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for level in levels {
        for (code, value) in of(level) {
            gathered.entry(code).or_default().push((*level, value));
        }
    }
    gathered
}

fn rows_in_words(rows: &[&LevelSummary], all: usize) -> String {
    if rows.len() == all && all > 1 {
        return "all rows".to_owned();
    }
    rows.iter().map(|level| name(level)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::observed::{EngineSlots, SlotSource};
    use crate::report::samples::{failed_level, one_stream};

    #[test]
    fn a_flag_of_a_later_version_is_still_shown_by_its_code() {
        let mut level = one_stream();
        level.instrument.flags = vec!["haunted".to_owned()];
        assert_eq!(notes(&[level]), ["haunted: (not known to this version): concurrent 1"]);
    }

    #[test]
    fn an_engine_that_queues_is_said_with_its_number_of_slots_and_a_failure_with_what_was_said() {
        let queued = |rate| {
            let mut level = one_stream();
            level.measured.columns.rate = Some(rate);
            level.instrument.flags = vec!["engine_slots".to_owned()];
            level.observed.engine_slots = Some(EngineSlots { slots: 2, source: SlotSource::Timing });
            level
        };
        let mut failed = failed_level();
        failed.instrument.flags.clear();
        failed.observed.error_samples.insert("http_503".to_owned(), "busy".to_owned());
        let notes = notes(&[queued(3), queued(4), failed]);
        let expected = "engine_slots: from 3 streams on requests queue: the engine serves 2 at once (by the times of its \
                        answers), so that TTFT holds their wait: concurrent 3, concurrent 4";
        assert!(notes.contains(&expected.to_owned()), "{notes:?}");
        assert!(notes.contains(&"failed with http_503 (`busy`): 1 in concurrent 2".to_owned()), "{notes:?}");
    }

    #[test]
    fn failures_are_counted_by_code_and_row() {
        let notes = notes(&[failed_level(), one_stream()]);
        assert!(notes.contains(&"failed with connect_refused: 12 in concurrent 2".to_owned()), "{notes:?}");
    }
}
