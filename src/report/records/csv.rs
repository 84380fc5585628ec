//! Records as CSV: empty where nothing is known.

use std::io::Write;

use super::{Error, outcome};
use crate::domain::measure::record::LevelRecords;

const HEADER: [&str; 12] = [
    "stream",
    "intended_start_us",
    "start_us",
    "end_us",
    "prompt_tokens",
    "output_tokens",
    "cached_prompt_tokens",
    "intended_prompt_tokens",
    "intended_output_tokens",
    "status",
    "code",
    "arrivals_us",
];

pub(super) fn write(level: &LevelRecords, to: &mut impl Write) -> Result<(), Error> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(HEADER)?;
    for record in &level.records {
        let (status, code) = outcome(&record.outcome);
        let count = |tokens: Option<u32>| tokens.map(|tokens| tokens.to_string()).unwrap_or_default();
        let arrivals: Vec<String> = record.arrivals_us.iter().map(ToString::to_string).collect();
        writer.write_record([
            record.stream.to_string(),
            record.intended_start_us.to_string(),
            record.start_us.to_string(),
            record.end_us.to_string(),
            count(record.prompt_tokens),
            count(record.output_tokens),
            count(record.cached_prompt_tokens),
            record.intended_prompt_tokens.to_string(),
            record.intended_output_tokens.to_string(),
            status.to_owned(),
            code.unwrap_or_default().to_owned(),
            arrivals.join(" "),
        ])?;
    }
    Ok(writer.flush()?)
}
