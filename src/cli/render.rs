//! Results as text: pure functions from summaries to a String.
//!
//! They must not print, read a terminal's width or know where results are stored. What is `None` is shown as `-`, and
//! left empty in CSV; it is never shown as 0.

mod cost;
mod efficiency;
mod gaps;
mod instrument;
mod precision;
mod setup;
mod spread;
mod table;
mod wide;

pub use cost::cost;
pub use efficiency::efficiency;
pub use gaps::gap_histograms;
pub use instrument::instrument_table;
pub use precision::{precision_table, steady_in_words};
pub use setup::setup_table;
pub use spread::spread_tables;
pub use table::table;
pub use wide::wide_table;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::{
    domain::measure::{setup::SetupTimes, summary::LevelSummary},
    report::{self, View},
};

/// What a view is, in one line above its table.
const fn caption(view: View) -> &'static str {
    match view {
        View::Measured => {
            "measured: requests completed inside the window, and what arrived inside it per second"
        }
        View::Compat => "compat: every request in flight since warm-up, as if cut off at the deadline",
    }
}

/// All there is to say about a run's results: the table of means, its footnotes, the spread beside each mean, the
/// instrument on itself and the set-up times. The tables are at most 120 columns wide.
#[must_use]
pub fn report(levels: &[LevelSummary], view: View, setup: &SetupTimes) -> String {
    if levels.is_empty() {
        return format!("no results yet\n\n{}", setup_table(setup));
    }
    let mut parts = vec![caption(view).to_owned(), table(levels, view), notes(levels)];
    if view == View::Measured {
        parts.extend([spread_tables(levels), precision_table(levels), gap_histograms(levels)]);
    }
    parts.extend([instrument_table(levels), setup_table(setup)]);
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// Footnotes, one line each; empty where there is nothing to say.
#[must_use]
pub fn notes(levels: &[LevelSummary]) -> String {
    report::notes(levels).join("\n")
}

/// A table without borders: a rule under the header, names to the left, figures to the right.
pub(super) fn plain_table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rule = LineStyle::none().fill('─').junction('─');
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(rule)).set_header(header).add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        // One more comes from the style, between columns.
        column.set_padding((0, u16::from(index + 1 < N)));
        column.set_cell_alignment(if index == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests;
