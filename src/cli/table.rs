//! Plain tables: a heading, aligned columns, no lines, so that they also read well through `grep` and `awk`.

use comfy_table::{Table, presets};

/// A table's text, a line a row.
pub(super) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading);
    table.add_rows(rows);
    table.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

/// A known value's text, or `-`.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
