//! Records as Parquet: unsigned whole numbers, an absent count is null, arrivals are a list. What isn't a request is in
//! the file's metadata, as JSON.

use std::{io::Write, sync::Arc};

use parquet::{
    data_type::{ByteArrayType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use serde_json::json;

use super::{Error, outcome};
use crate::{
    domain::measure::record::{LevelRecords, RequestRecord},
    report::parquet_columns::{column, each, known, properties, text},
};

const SCHEMA: &str = "
    message records {
        required int32 stream (integer(32, false));
        required int64 intended_start_us (integer(64, false));
        required int64 start_us (integer(64, false));
        required int64 end_us (integer(64, false));
        optional int32 prompt_tokens (integer(32, false));
        optional int32 output_tokens (integer(32, false));
        optional int32 cached_prompt_tokens (integer(32, false));
        required int32 intended_prompt_tokens (integer(32, false));
        required int32 intended_output_tokens (integer(32, false));
        required binary status (string);
        optional binary code (string);
        required group arrivals_us (list) {
            repeated group list {
                required int64 element (integer(64, false));
            }
        }
    }";

pub(super) fn write(level: &LevelRecords, to: &mut (impl Write + Send)) -> Result<(), Error> {
    let frame = json!({
        "shape": level.shape, "window": level.window, "seed": level.seed, "client": level.client,
    });
    let properties = properties(Some(vec![KeyValue::new("dria-bench.level".to_owned(), frame.to_string())]))?;
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut file = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
    let mut rows = file.next_row_group()?;
    let records = &level.records;
    each::<Int32Type, _>(&mut rows, records.iter().map(|r| r.stream.cast_signed()))?;
    each::<Int64Type, _>(&mut rows, records.iter().map(|r| r.intended_start_us.cast_signed()))?;
    each::<Int64Type, _>(&mut rows, records.iter().map(|r| r.start_us.cast_signed()))?;
    each::<Int64Type, _>(&mut rows, records.iter().map(|r| r.end_us.cast_signed()))?;
    known::<Int32Type, _>(&mut rows, records.iter().map(|r| r.prompt_tokens.map(u32::cast_signed)))?;
    known::<Int32Type, _>(&mut rows, records.iter().map(|r| r.output_tokens.map(u32::cast_signed)))?;
    known::<Int32Type, _>(&mut rows, records.iter().map(|r| r.cached_prompt_tokens.map(u32::cast_signed)))?;
    each::<Int32Type, _>(&mut rows, records.iter().map(|r| r.intended_prompt_tokens.cast_signed()))?;
    each::<Int32Type, _>(&mut rows, records.iter().map(|r| r.intended_output_tokens.cast_signed()))?;
    each::<ByteArrayType, _>(&mut rows, records.iter().map(|r| text(outcome(&r.outcome).0)))?;
    known::<ByteArrayType, _>(&mut rows, records.iter().map(|r| outcome(&r.outcome).1.map(text)))?;
    arrivals(&mut rows, records)?;
    rows.close()?;
    file.close()?;
    Ok(())
}

/// The lists. An empty one is a level without a value; a value that isn't the first of its list repeats.
fn arrivals<W: Write + Send>(
    rows: &mut SerializedRowGroupWriter<'_, W>,
    records: &[RequestRecord],
) -> Result<(), ParquetError> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        if record.arrivals_us.is_empty() {
            defined.push(0);
            repeated.push(0);
        }
        for (place, at) in record.arrivals_us.iter().enumerate() {
            values.push(at.cast_signed());
            defined.push(1);
            repeated.push(i16::from(place > 0));
        }
    }
    column::<Int64Type, W>(rows, &values, Some(&defined), Some(&repeated))
}
