//! The instrument's own error, beside what it measured.

use super::plain_table;
use crate::{
    domain::measure::summary::LevelSummary,
    report::{INSTRUMENT_COLUMNS, in_order, instrument_row},
};

/// One row a level: intended and achieved concurrency, send lag, CPU share, network path, bundled arrivals, Little's law.
#[must_use]
pub fn instrument_table(levels: &[LevelSummary]) -> String {
    plain_table(INSTRUMENT_COLUMNS, in_order(levels).into_iter().map(instrument_row))
}
