//! Writing the columns of a Parquet file one after the other, as its schema has them.

use std::io::Write;

use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedRowGroupWriter},
};

/// How our files are written: compressed, and saying by whom.
pub(super) fn properties(metadata: Option<Vec<KeyValue>>) -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_created_by(concat!("dria-bench ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(6)?))
        .set_key_value_metadata(metadata)
        .build())
}

/// A text.
pub(super) fn text(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

/// A column in which every row has a value.
pub(super) fn each<T: DataType, W: Write + Send>(
    rows: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    column::<T, W>(rows, &values.collect::<Vec<_>>(), None, None)
}

/// A column in which a row may have none.
pub(super) fn known<T: DataType, W: Write + Send>(
    rows: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let values: Vec<_> = values.collect();
    let defined: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column::<T, W>(rows, &values.into_iter().flatten().collect::<Vec<_>>(), Some(&defined), None)
}

/// Writes the next column. Unsigned numbers are stored as the signed ones of the same bits.
pub(super) fn column<T: DataType, W: Write + Send>(
    rows: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    defined: Option<&[i16]>,
    repeated: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let next = rows.next_column()?;
    let mut writer =
        next.ok_or_else(|| ParquetError::General("the schema has too few columns".to_owned()))?;
    writer.typed::<T>().write_batch(values, defined, repeated)?;
    writer.close()
}
