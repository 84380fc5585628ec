//! Published results as a file, part by part: a row a result, with what its run is and the 17 columns (compat view). A run
//! without results has a row of its own, so that what failed isn't missing. It must not know where the parts go.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use parquet::{
    data_type::{ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};

use super::{
    COLUMNS, Value,
    parquet_columns::{known, properties, text},
};
use crate::{domain::explore::Listed, store::explorer::Level};

/// Why a part can't be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As CSV.
    #[error("results can't be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// As Parquet.
    #[error("results can't be written as Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// Into memory.
    #[error("results can't be written: {0}")]
    Io(#[from] std::io::Error),
}

/// What the results are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// With a header; empty where there is no value. A text that a spreadsheet would take for a formula begins with `'`.
    Csv,
    /// A row group a part.
    Parquet,
}

impl ExportFormat {
    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err("must be json, csv or parquet"),
        }
    }
}

type RunColumn = (&'static str, fn(&Listed) -> Option<String>);

/// What a row says of its run, before the 17 columns.
const RUN_COLUMNS: [RunColumn; 18] = [
    ("id", |run| Some(run.id.clone())),
    ("run", |run| run.run.map(|id| id.to_string())),
    ("origin", |run| Some(run.origin().to_owned())),
    ("status", |run| Some(run.status.to_string())),
    ("failure_code", |run| run.failure_code.clone()),
    ("model", |run| Some(run.model.clone())),
    ("llm_id", |run| Some(run.llm_id.clone())),
    ("parameter_size", |run| Some(run.parameter_size.clone()).filter(|size| !size.is_empty())),
    ("engine", |run| Some(run.engine.clone())),
    ("engine_version", |run| run.engine_version.clone()),
    ("image", |run| run.image.clone()),
    ("precision", |run| run.precision.clone()),
    ("gpu", |run| Some(run.gpu.clone())),
    ("gpu_count", |run| Some(run.gpu_count.to_string())),
    ("server", |run| Some(run.server.clone())),
    ("prompt_set", |run| run.prompt_set.clone()),
    ("usd_per_hour", |run| run.usd_per_hour.map(|usd| usd.to_string())),
    ("measured_at", |run| Some(run.measured_at.to_rfc3339())),
];

/// A run, and one of its results; `None`: it has none.
type Row<'a> = (&'a Listed, Option<&'a Level>);

/// A file that is being written.
pub struct Export(Writer);

enum Writer {
    Csv { has_header: bool },
    Parquet(Box<SerializedFileWriter<Vec<u8>>>),
}

impl Export {
    /// An empty one.
    ///
    /// # Errors
    /// When its schema is refused.
    pub fn new(format: ExportFormat) -> Result<Self, Error> {
        Ok(Self(match format {
            ExportFormat::Csv => Writer::Csv { has_header: false },
            ExportFormat::Parquet => {
                let schema = Arc::new(parse_message_type(&schema())?);
                Writer::Parquet(Box::new(SerializedFileWriter::new(
                    Vec::new(),
                    schema,
                    Arc::new(properties(None)?),
                )?))
            }
        }))
    }

    /// The next part of the file: these runs in their order, each with its results.
    ///
    /// # Errors
    /// When the format refuses it.
    pub fn part(&mut self, runs: &[Listed], levels: &[Level]) -> Result<Vec<u8>, Error> {
        let mut of: HashMap<&str, Vec<&Level>> = HashMap::new();
        for level in levels {
            of.entry(&level.pod_id).or_default().push(level);
        }
        let mut rows: Vec<Row<'_>> = Vec::new();
        for run in runs {
            match of.get(run.id.as_str()) {
                Some(levels) => rows.extend(levels.iter().map(|level| (run, Some(*level)))),
                None => rows.push((run, None)),
            }
        }
        match &mut self.0 {
            Writer::Csv { has_header } => {
                let header = !std::mem::replace(has_header, true);
                csv_rows(&rows, header)
            }
            Writer::Parquet(file) => {
                row_group(file, &rows)?;
                Ok(std::mem::take(file.inner_mut()))
            }
        }
    }

    /// What stands at the file's end.
    ///
    /// # Errors
    /// When the format refuses it.
    pub fn end(self) -> Result<Vec<u8>, Error> {
        match self.0 {
            Writer::Csv { has_header: true } => Ok(Vec::new()),
            Writer::Csv { has_header: false } => csv_rows(&[], true),
            Writer::Parquet(file) => Ok(file.into_inner()?),
        }
    }
}

fn csv_rows(rows: &[Row<'_>], header: bool) -> Result<Vec<u8>, Error> {
    let mut to = csv::Writer::from_writer(Vec::new());
    if header {
        to.write_record(RUN_COLUMNS.map(|(name, _)| name).into_iter().chain(COLUMNS.map(|(name, _)| name)))?;
    }
    for (run, level) in rows {
        let of_run = RUN_COLUMNS.iter().map(|(_, value)| value(run).map(plain).unwrap_or_default());
        let of_level = COLUMNS
            .iter()
            .map(|(_, value)| level.map(|level| exact(value(&level.columns))).unwrap_or_default());
        to.write_record(of_run.chain(of_level))?;
    }
    to.into_inner().map_err(|error| Error::Io(error.into_error()))
}

/// A text that a spreadsheet takes for text. What it would take for a formula, and work out, gets an apostrophe in front:
/// names are chosen by strangers.
fn plain(text: String) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}") } else { text }
}

/// With every digit, so that the number read back is the number stored.
fn exact(value: Value) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
        Value::Figure(figure) => figure.map(|figure| figure.to_string()).unwrap_or_default(),
    }
}

/// The kind of a column, by a row that has every value.
fn is_text(name: &str) -> bool {
    name == "benchmark_type"
}

fn is_count(name: &str) -> bool {
    matches!(name, "rate" | "max_number" | "warmup_number" | "total_requests" | "successful_requests")
}

/// What is of the run is text, as in CSV: identifiers, and money, of which no cent may be lost.
fn schema() -> String {
    let of_run = RUN_COLUMNS.iter().map(|(name, _)| format!("optional binary {name} (string);\n"));
    let of_level = COLUMNS.iter().map(|(name, _)| match *name {
        name if is_text(name) => format!("optional binary {name} (string);\n"),
        name if is_count(name) => format!("optional int64 {name};\n"),
        name => format!("optional double {name};\n"),
    });
    format!("message results {{\n{}}}", of_run.chain(of_level).collect::<String>())
}

fn row_group(file: &mut SerializedFileWriter<Vec<u8>>, rows: &[Row<'_>]) -> Result<(), Error> {
    let mut group = file.next_row_group()?;
    for (_, value) in RUN_COLUMNS {
        known::<ByteArrayType, _>(&mut group, rows.iter().map(|(run, _)| value(run).as_deref().map(text)))?;
    }
    for (name, value) in COLUMNS {
        let values = rows.iter().map(|(_, level)| level.map(|level| value(&level.columns)));
        if is_text(name) {
            let texts = values.map(|value| match value {
                Some(Value::Text(word)) => Some(text(word)),
                _ => None,
            });
            known::<ByteArrayType, _>(&mut group, texts)?;
        } else if is_count(name) {
            let counts = values.map(|value| match value {
                Some(Value::Count(count)) => count.map(u64::cast_signed),
                _ => None,
            });
            known::<Int64Type, _>(&mut group, counts)?;
        } else {
            let figures = values.map(|value| match value {
                Some(Value::Figure(figure)) => figure,
                _ => None,
            });
            known::<DoubleType, _>(&mut group, figures)?;
        }
    }
    group.close()?;
    Ok(())
}
