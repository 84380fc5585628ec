//! Taking in what was measured elsewhere: files, and a database in the shape that is published.

mod files;
mod mongodb;

use dria_bench::import::{Part, Report};

/// What became of one kind of things: taken, unchanged, kept, skipped.
fn counts(report: &Report, part: &str) -> (u64, u64, u64, u64) {
    let Part { taken, unchanged, kept, skipped } = report.parts.get(part).copied().unwrap_or_default();
    (taken, unchanged, kept, skipped)
}

/// Why each was left out, in order.
fn reasons<'a>(report: &'a Report, part: &str) -> Vec<(&'a str, &'a str)> {
    let of = report.skipped.iter().filter(|skipped| skipped.part == part);
    of.map(|skipped| (skipped.what.as_str(), skipped.why.as_str())).collect()
}
