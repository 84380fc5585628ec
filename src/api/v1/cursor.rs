//! Where a page of a list ended, as text that clients pass back as it is.

use std::{fmt::Display, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};

use crate::domain::ids::{MatrixId, RunId};

/// Why a text is no cursor.
const NO_CURSOR: &str = "must be the `next` of an earlier page, as it was given";

/// The last run of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunCursor(pub(super) DateTime<Utc>, pub(super) RunId);

impl RunCursor {
    /// As clients get it.
    pub(super) fn text(self) -> String {
        newest(self.0, self.1)
    }
}

impl FromStr for RunCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (at, run) = read_newest(s)?;
        Ok(Self(at, run))
    }
}

/// The last matrix of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MatrixCursor(pub(super) DateTime<Utc>, pub(super) MatrixId);

impl MatrixCursor {
    /// As clients get it.
    pub(super) fn text(self) -> String {
        newest(self.0, self.1)
    }
}

impl FromStr for MatrixCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (at, matrix) = read_newest(s)?;
        Ok(Self(at, matrix))
    }
}

/// The last row of a page, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowCursor(pub(super) i64);

impl RowCursor {
    /// As clients get it.
    pub(super) fn text(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.to_string())
    }
}

impl FromStr for RowCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        plain(s)?.parse().map(Self).map_err(|_| NO_CURSOR)
    }
}

/// A place in a list that begins with what was made last.
fn newest(at: DateTime<Utc>, id: impl Display) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{id}", at.timestamp_micros()))
}

fn read_newest<Id: FromStr>(text: &str) -> Result<(DateTime<Utc>, Id), &'static str> {
    let text = plain(text)?;
    let (micros, id) = text.split_once('/').ok_or(NO_CURSOR)?;
    let at = micros.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(NO_CURSOR)?;
    Ok((at, id.parse().map_err(|_| NO_CURSOR)?))
}

fn plain(text: &str) -> Result<String, &'static str> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NO_CURSOR)?;
    String::from_utf8(bytes).map_err(|_| NO_CURSOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_junk_is_refused() {
        let id: RunId = "01949c00-0000-7000-8000-000000000010".parse().unwrap();
        let run = RunCursor(DateTime::from_timestamp_micros(1_795_500_000_123_456).unwrap(), id);
        assert_eq!(run.text().parse(), Ok(run));
        assert_eq!(RowCursor(7).text().parse(), Ok(RowCursor(7)));
        for junk in ["", "7", "' or 1=1", "====", &RowCursor(7).text(), &"A".repeat(4000)] {
            assert!(junk.parse::<RunCursor>().is_err(), "{junk:.20}");
        }
    }
}
