//! A wide Markdown table for pasting.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use crate::{
    domain::measure::summary::LevelSummary,
    report::{
        COLUMNS,
        Value::{self, Count, Figure, Text},
        View, figure, in_order,
    },
};

/// A Markdown table with all 17 columns under their exact names, figures rounded for reading.
#[must_use]
pub fn wide_table(levels: &[LevelSummary], view: View) -> String {
    let rounded = |value: Value| match value {
        Text(text) => text.to_owned(),
        Count(count) => count.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        Figure(value) => figure(value),
    };
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(COLUMNS.map(|(name, _)| name));
    for level in in_order(levels) {
        table.add_row(COLUMNS.map(|(_, value)| rounded(value(view.of(level)))));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.trim_fmt()
}
