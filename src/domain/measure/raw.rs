//! A level's records in one compact block of bytes, for storage and download: exact in every field, versioned, and safe
//! to read from anyone. `docs/methodology.md` has the layout.
//!
//! Each field is a column of whole numbers (`raw::columns`), so that what is alike lies together, and zstd compresses the
//! whole. What isn't a request (window, load, seed, the client on itself) is a JSON header inside. It must not know
//! where the bytes are kept.

mod columns;

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::record::{LevelRecords, Outcome, RequestRecord};
use columns::{Columns, unzigzag, zigzag};

/// First bytes of every block; the last is the version of the layout.
const MAGIC: [u8; 8] = *b"driarec\x01";
/// Magic, then the length of what is compressed as a little-endian u64.
const HEAD_BYTES: usize = MAGIC.len() + 8;
/// Longest content that is written or read, uncompressed: some 30 million tokens. It bounds what reading can cost.
const MAX_BYTES: u64 = 64 << 20;
/// zstd's level: more gains a few per cent and costs seconds.
const ZSTD_LEVEL: i32 = 6;
/// Largest zstd window a block may ask its reader for, as a power of two: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// Columns in the order they are written.
const STREAM: usize = 0;
const START: usize = 1;
const INTENDED_START: usize = 2;
const ARRIVALS: usize = 3;
const GAP: usize = 4;
const END: usize = 5;
const PROMPT: usize = 6;
const OUTPUT: usize = 7;
const CACHED: usize = 8;
const INTENDED_PROMPT: usize = 9;
const OUTCOME: usize = 10;
const SEND_LAG: usize = 11;
const INTENDED_OUTPUT: usize = 12;
/// How many there are. Blocks say how many they have: what older versions wrote is read too.
const COLUMNS: usize = 13;
/// How many the first version wrote, which didn't keep the intended output.
const FIRST_COLUMNS: usize = 12;

/// Outcome column: 0, 1, or 2 and more for the codes of the header.
const COMPLETED: u64 = 0;
const CUT_OFF: u64 = 1;
const FIRST_CODE: u64 = 2;

/// Why records can't be written, or bytes aren't records.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More than a block holds.
    #[error(
        "the records of this level are {bytes} bytes before compression and at most {MAX_BYTES} are kept: measure for \
         fewer seconds"
    )]
    TooLarge {
        /// Their length, bytes.
        bytes: u64,
    },
    /// A figure of the level's frame can't be written and read back.
    #[error("the level can't be written so that it reads back the same: {0}")]
    Unwritable(String),
    /// Not such a block.
    #[error("these bytes are no stored records: they don't start as such")]
    NotRecords,
    /// A layout of another version.
    #[error("these records have layout {0}, and this version reads layout 1: use a newer dria-bench")]
    Version(u8),
    /// Cut short or damaged.
    #[error("these records are damaged: {0}")]
    Damaged(String),
}

fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged(what.into())
}

/// The level without its requests and send lags, which are columns, and the failure codes that outcomes point to.
#[derive(Serialize, Deserialize)]
struct Header {
    level: LevelRecords,
    codes: Vec<String>,
}

/// Writes a level's records. A CPU share that is no number is kept as 0, as it is published.
///
/// # Errors
/// When there are more than a block holds, or a figure of the load isn't a number.
pub fn encode(level: &LevelRecords) -> Result<Vec<u8>, Error> {
    let mut codes = Vec::new();
    let columns = to_columns(level, &mut codes);
    let mut client = level.client.clone();
    client.send_lags_us = Vec::new();
    client.cpu_share = if client.cpu_share.is_finite() { client.cpu_share } else { 0.0 };
    let header = Header { level: LevelRecords { records: Vec::new(), client, ..frame(level) }, codes };
    let header = serde_json::to_vec(&header).map_err(|error| Error::Unwritable(error.to_string()))?;
    serde_json::from_slice::<Header>(&header).map_err(|error| Error::Unwritable(error.to_string()))?;
    let mut body = Vec::new();
    columns::write_number(&mut body, header.len() as u64);
    body.extend_from_slice(&header);
    columns::write_number(&mut body, COLUMNS as u64);
    columns.write(&mut body);
    let bytes = body.len() as u64;
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge { bytes });
    }
    let compressed =
        zstd::bulk::compress(&body, ZSTD_LEVEL).map_err(|error| Error::Unwritable(error.to_string()))?;
    Ok([&MAGIC[..], &bytes.to_le_bytes(), &compressed].concat())
}

/// Reads what [`encode`] wrote. Any other bytes are an error; reading them costs no more than the largest block would.
///
/// # Errors
/// When they are no records, of another version, or damaged.
pub fn decode(bytes: &[u8]) -> Result<LevelRecords, Error> {
    let body = decompress(bytes)?;
    let mut rest = body.as_slice();
    let header = columns::read_block(&mut rest).ok_or_else(|| damaged("the header is cut short"))?;
    let header: Header =
        serde_json::from_slice(header).map_err(|error| damaged(format!("header: {error}")))?;
    let written = columns::read_number(&mut rest).and_then(|written| usize::try_from(written).ok());
    let written = written.filter(|written| (FIRST_COLUMNS..=COLUMNS).contains(written)).ok_or_else(|| {
        damaged(format!("they don't have the {FIRST_COLUMNS} to {COLUMNS} columns that this version reads"))
    })?;
    let mut columns = Columns::read(&mut rest, written).ok_or_else(|| damaged("a column can't be read"))?;
    if written == FIRST_COLUMNS {
        columns.add_column(vec![0; columns.column(STREAM).len()]);
    }
    if !rest.is_empty() {
        return Err(damaged("something follows the last column"));
    }
    let Header { mut level, codes } = header;
    level.records = records(&columns, &codes)?;
    level.client.send_lags_us = columns.column(SEND_LAG).to_vec();
    Ok(level)
}

/// The level without its requests, so that they needn't be copied.
fn frame(level: &LevelRecords) -> LevelRecords {
    LevelRecords {
        shape: level.shape,
        window: level.window,
        records: Vec::new(),
        client: level.client.clone(),
        seed: level.seed,
    }
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (head, compressed) = bytes.split_at_checked(HEAD_BYTES).ok_or(Error::NotRecords)?;
    let (magic, length) = head.split_at(MAGIC.len());
    match magic {
        magic if magic == MAGIC => {}
        [same @ .., version] if *same == MAGIC[..MAGIC.len() - 1] => return Err(Error::Version(*version)),
        _ => return Err(Error::NotRecords),
    }
    let length = length.try_into().map(u64::from_le_bytes).map_err(|_| Error::NotRecords)?;
    if length > MAX_BYTES {
        return Err(damaged(format!("they claim {length} bytes")));
    }
    let unpack = || -> std::io::Result<Vec<u8>> {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        // It grows with what really comes, whatever was claimed.
        let mut body = Vec::new();
        decoder.take(length + 1).read_to_end(&mut body)?;
        Ok(body)
    };
    let body = unpack().map_err(|error| damaged(error.to_string()))?;
    if body.len() as u64 == length { Ok(body) } else { Err(damaged("they aren't as long as they say")) }
}

fn to_columns(level: &LevelRecords, codes: &mut Vec<String>) -> Columns {
    let mut columns = Columns::new(COLUMNS);
    let count = |tokens: Option<u32>| tokens.map_or(0, |tokens| u64::from(tokens) + 1);
    let mut last_start = 0_u64;
    for record in &level.records {
        // Every field by its name: one that is added can't be forgotten here.
        let RequestRecord {
            stream,
            intended_start_us,
            start_us,
            arrivals_us,
            end_us,
            prompt_tokens,
            output_tokens,
            cached_prompt_tokens,
            intended_prompt_tokens,
            intended_output_tokens,
            outcome,
        } = record;
        columns.push(STREAM, u64::from(*stream));
        columns.push(START, zigzag(start_us.wrapping_sub(last_start)));
        columns.push(INTENDED_START, zigzag(start_us.wrapping_sub(*intended_start_us)));
        columns.push(ARRIVALS, arrivals_us.len() as u64);
        let mut before = *start_us;
        for at in arrivals_us {
            columns.push(GAP, at.wrapping_sub(before));
            before = *at;
        }
        columns.push(END, end_us.wrapping_sub(before));
        columns.push(PROMPT, count(*prompt_tokens));
        columns.push(OUTPUT, count(*output_tokens));
        columns.push(CACHED, count(*cached_prompt_tokens));
        columns.push(INTENDED_PROMPT, u64::from(*intended_prompt_tokens));
        columns.push(INTENDED_OUTPUT, u64::from(*intended_output_tokens));
        columns.push(OUTCOME, outcome_number(outcome, codes));
        last_start = *start_us;
    }
    for lag in &level.client.send_lags_us {
        columns.push(SEND_LAG, *lag);
    }
    columns
}

fn outcome_number(outcome: &Outcome, codes: &mut Vec<String>) -> u64 {
    match outcome {
        Outcome::Completed => COMPLETED,
        Outcome::CutOff => CUT_OFF,
        Outcome::Errored { code } => {
            let known = codes.iter().position(|have| have == code).unwrap_or_else(|| {
                codes.push(code.clone());
                codes.len() - 1
            });
            FIRST_CODE + known as u64
        }
    }
}

fn records(columns: &Columns, codes: &[String]) -> Result<Vec<RequestRecord>, Error> {
    let n = columns.column(STREAM).len();
    let others = [
        START,
        INTENDED_START,
        ARRIVALS,
        END,
        PROMPT,
        OUTPUT,
        CACHED,
        INTENDED_PROMPT,
        INTENDED_OUTPUT,
        OUTCOME,
    ];
    for column in others {
        if columns.column(column).len() != n {
            return Err(damaged("the columns differ in length"));
        }
    }
    let at = |column: usize, row: usize| columns.column(column).get(row).copied().unwrap_or_default();
    let narrow = |value: u64| u32::try_from(value).map_err(|_| damaged("a count is too large"));
    let count = |value: u64| value.checked_sub(1).map(narrow).transpose();
    let mut gaps = columns.column(GAP);
    let mut last_start = 0_u64;
    let mut records = Vec::with_capacity(n);
    for row in 0..n {
        let start_us = last_start.wrapping_add(unzigzag(at(START, row)));
        let arrivals = usize::try_from(at(ARRIVALS, row)).ok().and_then(|n| gaps.split_at_checked(n));
        let (mine, rest) = arrivals.ok_or_else(|| damaged("arrivals are missing"))?;
        gaps = rest;
        let mut before = start_us;
        let arrivals_us: Vec<u64> = mine
            .iter()
            .map(|gap| {
                before = before.wrapping_add(*gap);
                before
            })
            .collect();
        records.push(RequestRecord {
            stream: narrow(at(STREAM, row))?,
            intended_start_us: start_us.wrapping_sub(unzigzag(at(INTENDED_START, row))),
            start_us,
            arrivals_us,
            end_us: before.wrapping_add(at(END, row)),
            prompt_tokens: count(at(PROMPT, row))?,
            output_tokens: count(at(OUTPUT, row))?,
            cached_prompt_tokens: count(at(CACHED, row))?,
            intended_prompt_tokens: narrow(at(INTENDED_PROMPT, row))?,
            intended_output_tokens: narrow(at(INTENDED_OUTPUT, row))?,
            outcome: outcome(at(OUTCOME, row), codes)?,
        });
        last_start = start_us;
    }
    if gaps.is_empty() {
        Ok(records)
    } else {
        Err(damaged("there are more arrivals than requests account for"))
    }
}

fn outcome(number: u64, codes: &[String]) -> Result<Outcome, Error> {
    match number.checked_sub(FIRST_CODE) {
        None if number == COMPLETED => Ok(Outcome::Completed),
        None => Ok(Outcome::CutOff),
        Some(code) => usize::try_from(code)
            .ok()
            .and_then(|code| codes.get(code))
            .map(|code| Outcome::Errored { code: code.clone() })
            .ok_or_else(|| damaged("an outcome has an unknown code")),
    }
}

#[cfg(test)]
mod tests;
