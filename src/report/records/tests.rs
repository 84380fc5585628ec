//! What each format says of a level that has everything in it.

use ::parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row, RowAccessor},
};

use super::*;
use crate::{domain::measure::record::RequestRecord, report::samples::one_stream_records};

/// A level with a failure, an answer without usage, and one without text.
fn level() -> LevelRecords {
    let mut level = one_stream_records();
    level.records[1].output_tokens = None;
    level.records[2].arrivals_us.clear();
    level.records[2].outcome = Outcome::Errored { code: "http_503".to_owned() };
    level.records[3].outcome = Outcome::CutOff;
    level.records[3].intended_start_us = u64::MAX;
    level
}

fn file(level: &LevelRecords, format: RecordFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(level, format, &mut bytes).unwrap();
    bytes
}

#[test]
fn json_lines_are_the_records() {
    let text = String::from_utf8(file(&level(), RecordFormat::Jsonl)).unwrap();
    let records: Vec<RequestRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records, level().records);
}

#[test]
fn csv_has_a_line_a_request_and_nothing_where_nothing_is_known() {
    let text = String::from_utf8(file(&level(), RecordFormat::Csv)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), level().records.len() + 1);
    let first = &level().records[0];
    let arrivals: Vec<String> = first.arrivals_us.iter().map(ToString::to_string).collect();
    let expected = format!(
        "0,{0},{0},{1},16,16,,16,16,completed,,{2}",
        first.start_us,
        first.end_us,
        arrivals.join(" ")
    );
    assert_eq!(lines[1], expected);
    assert!(lines[2].contains(",16,,,16,16,completed,,"), "{}", lines[2]);
    assert!(lines[3].ends_with(",errored,http_503,"), "{}", lines[3]);
    assert!(lines[4].contains(",cut_off,,"), "{}", lines[4]);
}

fn row_of(record: &RequestRecord, row: &Row) {
    assert_eq!(row.get_uint(0).unwrap(), record.stream);
    assert_eq!(row.get_ulong(1).unwrap(), record.intended_start_us);
    assert_eq!(row.get_ulong(2).unwrap(), record.start_us);
    assert_eq!(row.get_ulong(3).unwrap(), record.end_us);
    for (place, tokens) in
        [(4, record.prompt_tokens), (5, record.output_tokens), (6, record.cached_prompt_tokens)]
    {
        assert_eq!(row.get_uint(place).ok(), tokens, "column {place}");
    }
    assert_eq!(row.get_uint(7).unwrap(), record.intended_prompt_tokens);
    assert_eq!(row.get_uint(8).unwrap(), record.intended_output_tokens);
    assert_eq!(row.get_string(9).unwrap(), outcome(&record.outcome).0);
    assert_eq!(row.get_string(10).ok().map(String::as_str), outcome(&record.outcome).1);
    let arrivals: Vec<Field> = row.get_list(11).unwrap().elements().to_vec();
    assert_eq!(arrivals, record.arrivals_us.iter().copied().map(Field::ULong).collect::<Vec<_>>());
}

#[test]
fn parquet_gives_every_record_back() {
    let level = level();
    let reader = SerializedFileReader::new(bytes::Bytes::from(file(&level, RecordFormat::Parquet))).unwrap();
    let rows: Vec<Row> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), level.records.len());
    for (record, row) in level.records.iter().zip(&rows) {
        row_of(record, row);
    }
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let frame = metadata.iter().find(|pair| pair.key == "dria-bench.level").unwrap().value.clone().unwrap();
    let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(frame["window"]["end_us"], level.window.end_us);
}

#[test]
fn a_level_without_requests_is_a_file_without_rows() {
    let empty = LevelRecords { records: Vec::new(), ..level() };
    assert_eq!(file(&empty, RecordFormat::Jsonl), b"");
    let parquet = bytes::Bytes::from(file(&empty, RecordFormat::Parquet));
    assert_eq!(SerializedFileReader::new(parquet).unwrap().get_row_iter(None).unwrap().count(), 0);
}

#[test]
fn the_block_itself_passes_through_and_reads_back() {
    let block = file(&level(), RecordFormat::Raw);
    let mut same = Vec::new();
    write_block(&block, RecordFormat::Raw, &mut same).unwrap();
    assert_eq!(same, block);
    assert_eq!(raw::decode(&block).unwrap(), level());
    let mut lines = Vec::new();
    write_block(&block, RecordFormat::Jsonl, &mut lines).unwrap();
    assert_eq!(lines, file(&level(), RecordFormat::Jsonl));
    assert!(write_block(b"nonsense", RecordFormat::Csv, &mut lines).is_err());
}

#[test]
fn a_files_name_says_its_format() {
    let format = |name: &str| RecordFormat::of_file(Path::new(name));
    assert_eq!(format("a/b.csv"), RecordFormat::Csv);
    assert_eq!(format("x.parquet"), RecordFormat::Parquet);
    assert_eq!(format("x.driarec"), RecordFormat::Raw);
    assert_eq!(format("records.json"), RecordFormat::Jsonl);
    assert_eq!(format("records"), RecordFormat::Jsonl);
}

#[test]
fn levels_are_named_like_their_steps() {
    let name = |text: &str| text.parse::<Level>().map(|level| level.to_string());
    assert_eq!(name("throughput").unwrap(), "throughput");
    assert_eq!(name("concurrency:9").unwrap(), "concurrency:9");
    for bad in ["warmup", "concurrency", "concurrency:0", "9", ""] {
        assert!(name(bad).is_err(), "{bad}");
    }
}
