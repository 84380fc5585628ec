//! Reads a CSV table cell by cell, so that an error names file, line and column.

use std::{fmt::Display, str::FromStr};

/// Why a catalog file is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: column `{column}`: {reason}")]
pub struct CatalogError {
    /// The file.
    pub file: &'static str,
    /// Line, from 1; the header is line 1.
    pub line: u64,
    /// Column, by its name in the header.
    pub column: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// One row of a table.
pub(super) struct Row<'a> {
    file: &'static str,
    headers: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

/// Reads every row of `text` with `read`.
pub(super) fn rows<T>(
    file: &'static str,
    text: &str,
    read: impl Fn(&Row<'_>) -> Result<T, CatalogError>,
) -> Result<Vec<T>, CatalogError> {
    let broken = |error: &csv::Error| CatalogError {
        file,
        line: error.position().map_or(1, csv::Position::line),
        column: String::new(),
        reason: error.to_string(),
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| broken(&error))?.clone();
    reader
        .records()
        .map(|record| {
            read(&Row { file, headers: &headers, record: &record.map_err(|error| broken(&error))? })
        })
        .collect()
}

impl Row<'_> {
    /// The refusal of this row's cell.
    pub(super) fn refuse(&self, column: &str, reason: impl Into<String>) -> CatalogError {
        let line = self.record.position().map_or(0, csv::Position::line);
        CatalogError { file: self.file, line, column: column.to_owned(), reason: reason.into() }
    }

    /// A cell's text; `None` when it is blank.
    pub(super) fn optional(&self, column: &str) -> Result<Option<&str>, CatalogError> {
        let index = self.headers.iter().position(|header| header == column);
        let index = index.ok_or_else(|| self.refuse(column, "the header has no such column"))?;
        Ok(self.record.get(index).filter(|text| !text.trim().is_empty()))
    }

    /// A cell's text.
    pub(super) fn text(&self, column: &str) -> Result<String, CatalogError> {
        self.optional(column)?
            .map(str::to_owned)
            .ok_or_else(|| self.refuse(column, "is blank, but every row needs it"))
    }

    /// A cell's text, or nothing where it is blank.
    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, CatalogError> {
        Ok(self.optional(column)?.map(str::to_owned))
    }

    /// A cell as any type that reads text; blank: `None`.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, CatalogError> {
        self.optional(column)?
            .map(|text| text.parse().map_err(|error| self.refuse(column, format!("`{text}`: {error}"))))
            .transpose()
    }

    /// A number greater than zero; blank: unknown.
    pub(super) fn number<T>(&self, column: &str) -> Result<Option<T>, CatalogError>
    where
        T: FromStr<Err: Display> + PartialOrd + Default,
    {
        match self.parsed(column)? {
            Some(number) if number > T::default() => Ok(Some(number)),
            Some(_) => Err(self.refuse(column, "must be greater than zero")),
            None => Ok(None),
        }
    }

    /// `yes` or `no`; blank: unknown.
    pub(super) fn yes_or_no(&self, column: &str) -> Result<Option<bool>, CatalogError> {
        match self.optional(column)? {
            None => Ok(None),
            Some("yes") => Ok(Some(true)),
            Some("no") => Ok(Some(false)),
            Some(other) => Err(self.refuse(column, format!("`{other}`: write yes, no or nothing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let read = |row: &Row<'_>| Ok((row.text("name")?, row.number::<u32>("size")?, row.yes_or_no("big")?));
        rows("t.csv", text, read).expect_err(text).to_string()
    }

    #[test]
    fn a_bad_cell_is_named_by_file_line_and_column() {
        assert_eq!(
            refusal("name,size,big\na,1,yes\nb,x,no\n"),
            "t.csv:3: column `size`: `x`: invalid digit found in string"
        );
        assert_eq!(
            refusal("name,size,big\n\"a\nb\",1,\nc,0,\n"),
            "t.csv:4: column `size`: must be greater than zero"
        );
        assert_eq!(
            refusal("name,size,big\na,1,maybe\n"),
            "t.csv:2: column `big`: `maybe`: write yes, no or nothing"
        );
        assert_eq!(
            refusal("name,size,big\n,1,no\n"),
            "t.csv:2: column `name`: is blank, but every row needs it"
        );
        assert_eq!(refusal("name,size\na,1\n"), "t.csv:2: column `big`: the header has no such column");
        assert!(refusal("name,size,big\na,1,yes\nb\n").starts_with("t.csv:3: "));
    }
}
