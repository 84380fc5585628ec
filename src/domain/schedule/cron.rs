//! Five-field cron expressions in a time zone.

use std::{fmt, iter, str::FromStr};

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The year from which an expression is searched for a first tick: any will do, and it must not depend on today.
const SEARCH_FROM_YEAR: i32 = 2024;

/// A cron expression that fires: minute, hour, day of month, month, day of week (0 and 7 are Sunday).
///
/// Where the clock is put forward, a fixed time inside the gap fires at the gap's end; where it is put back, it fires
/// once. Expressions with `*` in hour or minute go on firing by elapsed time.
#[derive(Debug, Clone, PartialEq)]
pub struct CronExpression {
    text: String,
    cron: Cron,
}

/// Why a cron expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error("`{0}` must have five fields: minute, hour, day of month, month, day of week, e.g. 30 2 * * *")]
    Fields(String),
    /// A field can't be read.
    #[error("`{text}` is no cron expression: {reason}")]
    Syntax {
        /// The expression.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such time.
    #[error("`{0}` never fires: no month has such a day")]
    NeverFires(String),
}

impl FromStr for CronExpression {
    type Err = CronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let text = s.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.split(' ').count() != 5 {
            return Err(CronError::Fields(s.to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser
            .parse(&text)
            .map_err(|error| CronError::Syntax { text: s.to_owned(), reason: error.to_string() })?;
        let from = Utc.with_ymd_and_hms(SEARCH_FROM_YEAR, 1, 1, 0, 0, 0).single().unwrap_or_default();
        if cron.find_next_occurrence(&from, true).is_err() {
            return Err(CronError::NeverFires(s.to_owned()));
        }
        Ok(Self { text, cron })
    }
}

impl CronExpression {
    /// Every time it fires in `zone` after `after` (which is not included), in order.
    pub(super) fn after(&self, after: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        let next = move |at: &DateTime<Utc>| {
            let next = self.cron.find_next_occurrence(&at.with_timezone(&zone), false).ok()?;
            Some(next.with_timezone(&Utc))
        };
        iter::successors(next(&after), next)
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for CronExpression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for CronExpression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
