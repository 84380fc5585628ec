//! Reading definition files (`workflows/*.toml`, `schedules/*.toml`): every refusal names file, line and column.
//!
//! It knows TOML, durations and names; what a workflow or a schedule means is its own module's business. It reads
//! text that somebody else loaded: no file is opened here.

use std::{ops::Range, path::Path, time::Duration};

use serde::de::DeserializeOwned;
use toml::Spanned;

/// The longest duration a definition may state: 31 days.
pub const MAX_DURATION: Duration = Duration::from_hours(31 * 24);

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Why a definition file is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct DefinitionError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A definition file's text and name, from which errors get their place.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Document<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Document<'a> {
    /// A document called `file` with this text.
    pub(in crate::domain) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// The text as `T`; syntax errors, wrong types and unknown keys are refused where they stand.
    pub(in crate::domain) fn read<T: DeserializeOwned>(&self) -> Result<T, DefinitionError> {
        toml::from_str(self.text)
            .map_err(|error| self.refuse(error.span().unwrap_or_default(), error.message().trim_end()))
    }

    /// The refusal of what stands at this byte range.
    pub(in crate::domain) fn refuse(&self, span: Range<usize>, reason: impl Into<String>) -> DefinitionError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        DefinitionError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason: reason.into(),
        }
    }

    /// The definition's name, which must be the file's.
    pub(in crate::domain) fn own_name(&self, name: &Spanned<String>) -> Result<String, DefinitionError> {
        let given = name.get_ref();
        if !is_name(given) {
            let reason = format!(
                "name `{given}` must be 1 to {MAX_NAME_CHARS} characters of a-z, 0-9, `_` and `-`, \
                 as it is used in commands and rows"
            );
            return Err(self.refuse(name.span(), reason));
        }
        let stem = Path::new(self.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(self.file);
        if given != stem {
            let reason = format!("name `{given}` differs from the file's name: call the file `{given}.toml`");
            return Err(self.refuse(name.span(), reason));
        }
        Ok(given.clone())
    }

    /// A duration such as `"90s"`, greater than zero.
    pub(in crate::domain) fn duration(&self, text: &Spanned<String>) -> Result<Duration, DefinitionError> {
        let duration = parse_duration(text.get_ref()).map_err(|reason| self.refuse(text.span(), reason))?;
        if duration.is_zero() {
            return Err(self.refuse(text.span(), "a duration of zero: give at least 1ms"));
        }
        Ok(duration)
    }
}

/// Whether this can name a definition: it is used in file names, commands, rows and URLs.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// Reads a whole number with its unit: `500ms`, `90s`, `20m`, `2h`, `1d`; at most [`MAX_DURATION`].
///
/// # Errors
/// A sentence that says what a duration looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    if number.is_empty() || unit_ms == 0 {
        return Err(format!(
            "`{text}` is no duration: write a whole number and its unit, e.g. 500ms, 90s, 20m, 2h, 1d"
        ));
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_ms))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| format!("`{text}` is too long: a duration is at most 31d"))
}

/// Serde for durations as whole milliseconds, the form in stored definitions.
pub(in crate::domain) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::domain) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_millis() as u64)
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// Serde for optional durations as whole milliseconds.
pub(in crate::domain) mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(in crate::domain) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(|duration| duration.as_millis() as u64).serialize(serializer)
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        for (text, ms) in
            [("500ms", 500), ("90s", 90_000), ("20m", 1_200_000), ("1h", 3_600_000), ("31d", 2_678_400_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "90",
            "s",
            "1.5h",
            "-1s",
            "1 h",
            "1H",
            "32d",
            "99999999999999999999s",
            "18446744073709551615d",
            "١s",
        ] {
            assert!(parse_duration(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let document = Document::new("a.toml", "é = 1\nüü = 2\n");
        let at = document.text.rfind('=').unwrap();
        assert_eq!(document.refuse(at..at, "no").to_string(), "a.toml:2:4: no");
        assert_eq!(document.refuse(0..0, "no").to_string(), "a.toml:1:1: no");
        let beyond = document.refuse(999..999, "no");
        assert_eq!((beyond.line, beyond.column), (3, 1));
    }
}
