//! Whether a stored result is what its records give, figure by figure and to the last digit.

use serde::Serialize;
use serde_json::Value;

use super::summary::LevelSummary;

/// Flags that the records tell. Any other was raised by something seen beside them.
const FLAGS_OF_RECORDS: [&str; 7] = [
    "low_n",
    "shared_host",
    "client_bottleneck",
    "usage_missing",
    "chunks_coalesced",
    "short_output",
    "prompt_length_off",
];

/// A figure that is stored otherwise than the records give it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where it is, e.g. `measured.percentiles.request_latency.p50`.
    pub field: String,
    /// As it is stored; null: nothing is.
    pub stored: Value,
    /// As the records give it; null: they give nothing.
    pub recomputed: Value,
}

/// Every figure in which a stored summary isn't the one computed again from its records.
///
/// What the records can't tell (a part of the summary that a computation from records alone leaves empty, and flags that
/// such a part raised) is not compared.
///
/// # Errors
/// When a summary can't be taken apart, which none of finite numbers causes.
pub fn differences(
    stored: &LevelSummary,
    recomputed: &LevelSummary,
) -> Result<Vec<Difference>, serde_json::Error> {
    let (mut stored, mut recomputed) = (serde_json::to_value(stored)?, serde_json::to_value(recomputed)?);
    for summary in [&mut stored, &mut recomputed] {
        if let Some(Value::Array(flags)) = summary.pointer_mut("/instrument/flags") {
            flags.retain(|flag| flag.as_str().is_some_and(|code| FLAGS_OF_RECORDS.contains(&code)));
        }
    }
    if let (Value::Object(stored), Value::Object(recomputed)) = (&mut stored, &recomputed) {
        stored.retain(|part, _| recomputed.get(part).is_some_and(|value| !value.is_null()));
    }
    let mut found = Vec::new();
    compare("", &stored, &recomputed, &mut found);
    Ok(found)
}

/// Adds what differs between two values, and in whatever they hold. Nothing and null are the same.
pub fn compare(field: &str, stored: &Value, recomputed: &Value, found: &mut Vec<Difference>) {
    let below = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    match (stored, recomputed) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, value) in a {
                compare(&below(name), value, b.get(name).unwrap_or(&Value::Null), found);
            }
            for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                compare(&below(name), &Value::Null, value, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            found.push(Difference { field: field.to_owned(), stored: a.clone(), recomputed: b.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        summarise,
        tests::{level, request},
    };

    fn summary() -> LevelSummary {
        let records =
            (0..12).map(|i| request(i * 10, i * 10 + 8).events([i * 10 + 4]).usage(16, 1)).collect();
        summarise(&level((0, 200), records))
    }

    fn fields(change: impl FnOnce(&mut LevelSummary)) -> Vec<String> {
        let mut stored = summary();
        change(&mut stored);
        differences(&stored, &summary()).unwrap().into_iter().map(|difference| difference.field).collect()
    }

    #[test]
    fn a_summary_is_what_its_records_give() {
        assert_eq!(fields(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn a_figure_that_is_one_bit_off_is_named() {
        let up = |figure: &mut Option<f64>| *figure = figure.map(f64::next_up);
        assert_eq!(fields(|s| up(&mut s.compat.request_latency)), ["compat.request_latency"]);
        assert_eq!(
            fields(|s| up(&mut s.measured.percentiles.time_to_first_token_ms.p50)),
            ["measured.percentiles.time_to_first_token_ms.p50"]
        );
        assert_eq!(fields(|s| s.compat.time_to_first_token_ms = None), ["compat.time_to_first_token_ms"]);
    }

    #[test]
    fn a_flag_that_the_records_do_not_raise_is_named_unless_they_could_not_know_it() {
        assert_eq!(fields(|s| s.instrument.flags.push("low_n".to_owned())), ["instrument.flags"]);
        assert_eq!(fields(|s| s.instrument.flags.push("seen_elsewhere".to_owned())), Vec::<String>::new());
    }

    #[test]
    fn an_error_nobody_had_is_named_by_its_code() {
        let differences = {
            let mut stored = summary();
            stored.errors.insert("reset".to_owned(), 3);
            differences(&stored, &summary()).unwrap()
        };
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].field, "errors.reset");
        assert_eq!((&differences[0].stored, &differences[0].recomputed), (&Value::from(3), &Value::Null));
    }
}
