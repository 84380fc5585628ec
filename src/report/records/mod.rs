//! The raw records of a level as a file: JSON lines, CSV or Parquet for other programs, or the stored block itself.
//!
//! All times are whole microseconds of the level's clock. It must not know where the file goes.

mod csv;
mod parquet;

use std::{io::Write, path::Path, str::FromStr};

use sqlx::PgConnection;

use crate::{
    domain::{
        ids::RunId,
        measure::{
            raw,
            record::{LevelRecords, Outcome},
            summary::BenchmarkType,
        },
        step::StepKind,
    },
    store::{self, records},
};

/// What the records are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RecordFormat {
    /// One JSON object a request and line
    #[default]
    Jsonl,
    /// One request a line, under the names of the JSON; arrivals separated by spaces
    Csv,
    /// One row a request, arrivals as a list; compressed
    Parquet,
    /// The stored block: everything, the window and the client's own figures included
    Raw,
}

impl RecordFormat {
    const ALL: [Self; 4] = [Self::Jsonl, Self::Csv, Self::Parquet, Self::Raw];

    /// Its name in flags and parameters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Raw => "raw",
        }
    }

    /// The format that a file's name asks for; JSON lines where it asks for none.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let asked = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        Self::ALL.into_iter().find(|format| format.extension() == asked).unwrap_or_default()
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Raw => "application/octet-stream",
        }
    }

    /// What files of it end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Raw => "driarec",
            Self::Jsonl | Self::Csv | Self::Parquet => self.as_str(),
        }
    }

    /// Whether it is made of lines of text, which a terminal can show.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Jsonl | Self::Csv)
    }
}

impl FromStr for RecordFormat {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == s).ok_or("must be jsonl, csv, parquet or raw")
    }
}

/// A level by its step's name: `throughput` or `concurrency:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(StepKind);

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let kind: Option<StepKind> = s.parse().ok();
        kind.filter(|kind| kind.is_measurement())
            .map(Self)
            .ok_or("must be throughput, or concurrency:N with a number of streams")
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Level {
    /// The name of a file with its records.
    #[must_use]
    pub fn file_name(self, run: RunId, format: RecordFormat) -> String {
        let level = self.to_string().replace(':', "-");
        format!("dria-bench-{run}-{level}.{}", format.extension())
    }
}

/// Why there is no file of records.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The result is of a version that kept none.
    #[error("the records of {0} weren't kept: it was measured by an older version")]
    NotKept(String),
    /// The stored block can't be read.
    #[error(transparent)]
    Raw(#[from] raw::Error),
    /// The file can't be written.
    #[error("the records can't be written: {0}")]
    Write(#[from] std::io::Error),
    /// JSON failed.
    #[error("the records can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// CSV failed.
    #[error("the records can't be written as CSV: {0}")]
    Csv(#[from] ::csv::Error),
    /// Parquet failed.
    #[error("the records can't be written as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// The stored block of a run's level; `None`: the run has no such result, or one of a version that kept no records.
///
/// # Errors
/// When the database fails.
pub async fn block(
    conn: &mut PgConnection,
    run: RunId,
    level: Level,
) -> Result<Option<Vec<u8>>, store::Error> {
    let (benchmark_type, rate) = match level.0 {
        StepKind::Concurrency(streams) => (BenchmarkType::Concurrent, Some(streams)),
        _ => (BenchmarkType::Throughput, None),
    };
    records::of_level(conn, run, benchmark_type, rate).await
}

/// Writes a stored block as a file of this format.
///
/// # Errors
/// When the block can't be read, or the file not be written.
pub fn write_block(block: &[u8], format: RecordFormat, mut to: impl Write + Send) -> Result<(), Error> {
    if format == RecordFormat::Raw {
        to.write_all(block)?;
        return Ok(to.flush()?);
    }
    write(&raw::decode(block)?, format, to)
}

/// Writes records as a file of this format.
///
/// # Errors
/// When it can't be written, or the records not be encoded.
pub fn write(level: &LevelRecords, format: RecordFormat, mut to: impl Write + Send) -> Result<(), Error> {
    match format {
        RecordFormat::Jsonl => {
            for record in &level.records {
                serde_json::to_writer(&mut to, record)?;
                to.write_all(b"\n")?;
            }
        }
        RecordFormat::Csv => csv::write(level, &mut to)?,
        RecordFormat::Parquet => parquet::write(level, &mut to)?,
        RecordFormat::Raw => to.write_all(&raw::encode(level)?)?,
    }
    Ok(to.flush()?)
}

/// Status and code of an outcome as columns; the code is only there where it failed.
fn outcome(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Completed => ("completed", None),
        Outcome::CutOff => ("cut_off", None),
        Outcome::Errored { code } => ("errored", Some(code)),
    }
}

#[cfg(test)]
mod tests;
