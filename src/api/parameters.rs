//! Reading the parameters of a request, so that whoever asked is told everything that is wrong with them at once.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use axum::{
    extract::{FromRequestParts, Path},
    http::{Uri, request::Parts},
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use url::form_urlencoded;

use super::error::{BadParameter, Error};
use crate::domain::ids::RunId;

/// No budget is as much, US dollars: whoever writes it has lost the point.
pub(super) const MOST_USD: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Values that one parameter may have, where it may have several.
const MOST_VALUES: usize = 50;

/// The parameters after the `?`: taken one by one, then [`Parameters::finish`].
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    bad: Vec<BadParameter>,
}

impl Parameters {
    /// The parameters of a URI.
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), bad: Vec::new() }
    }

    /// The value of a parameter; `None` where it isn't given. A value that can't be read is remembered.
    pub(super) fn take<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let (mine, rest): (Vec<_>, Vec<_>) = self.pairs.drain(..).partition(|(given, _)| given == name);
        self.pairs = rest;
        let read = match mine.as_slice() {
            [] => return None,
            // PostgreSQL holds no such text.
            [(_, text)] if text.contains('\0') => Err("must not hold the character NUL".to_owned()),
            [(_, text)] => text.parse().map_err(|error: T::Err| error.to_string()),
            _ => Err("is given more than once".to_owned()),
        };
        read.map_err(|message| self.bad.push(BadParameter { parameter: name.to_owned(), message })).ok()
    }

    /// The values of a parameter that may be given several times, at most [`MOST_VALUES`]; none where it isn't given.
    pub(super) fn take_all<T>(&mut self, name: &str) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let (mine, rest): (Vec<_>, Vec<_>) = self.pairs.drain(..).partition(|(given, _)| given == name);
        self.pairs = rest;
        if mine.len() > MOST_VALUES {
            self.refuse(name, format!("is given more than {MOST_VALUES} times"));
            return Vec::new();
        }
        let mut values = Vec::new();
        for (_, text) in mine {
            match text.parse::<T>() {
                Ok(value) => values.push(value),
                Err(error) => self.refuse(name, error.to_string()),
            }
        }
        values
    }

    /// The value of a parameter that has to be given.
    pub(super) fn need<T>(&mut self, name: &str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: Display,
    {
        let value = self.take(name);
        if value.is_none() && self.bad.is_empty() {
            let message = "has to be given".to_owned();
            self.bad.push(BadParameter { parameter: name.to_owned(), message });
        }
        value.ok_or_else(|| Error::Parameters(std::mem::take(&mut self.bad)))
    }

    /// Remembers what is wrong with a parameter, in words that read on from its name.
    pub(super) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.bad.push(BadParameter { parameter: name.to_owned(), message: message.into() });
    }

    /// Says what was wrong; a parameter that nobody took is wrong too, since it does not do what its writer meant.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.bad.extend(self.pairs.into_iter().map(|(parameter, _)| BadParameter {
            parameter,
            message: "is not a parameter of this path".to_owned(),
        }));
        if self.bad.is_empty() { Ok(()) } else { Err(Error::Parameters(self.bad)) }
    }
}

/// How many things a list may hold: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(pub(super) i64);

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(limit) if (1..=100).contains(&limit) => Ok(Self(limit)),
            _ => Err("must be a whole number from 1 to 100"),
        }
    }
}

/// The number of the last event that a reader has: 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct After(pub(super) i64);

impl FromStr for After {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(after @ 0..) => Ok(Self(after)),
            _ => Err("must be the id of an event, or 0"),
        }
    }
}

/// A time as a parameter: RFC 3339, or a day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub(super) DateTime<Utc>);

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let time = DateTime::parse_from_rfc3339(s).map(|time| time.to_utc());
        let day = || s.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        time.or_else(|_| day())
            .map(Self)
            .map_err(|_| "must be a time such as 2026-11-24T06:00:00Z, or a day such as 2026-11-24")
    }
}

/// An amount of money: more than 0 US dollars, written in cents or finer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usd(pub(super) Decimal);

impl FromStr for Usd {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let amount = Decimal::from_str_exact(s).ok().filter(|usd| *usd > Decimal::ZERO && *usd < MOST_USD);
        amount
            .map(Self)
            .ok_or("must be an amount of US dollars of more than 0 and less than 1000000, like 12.50")
    }
}

/// What a listing of results is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("must be json or csv"),
        }
    }
}

/// A run's id as a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunParameter(pub(super) RunId);

/// Why a text is no run's id.
#[derive(Debug)]
pub(super) struct NoRunId;

impl Display for NoRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a run's id, as /api/v1/runs lists them")
    }
}

impl FromStr for RunParameter {
    type Err = NoRunId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self).map_err(|_| NoRunId)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RunParameter {
    type Rejection = Error;

    /// The `{id}` of the path.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let bad =
            |message: String| Error::Parameters(vec![BadParameter { parameter: "id".to_owned(), message }]);
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| bad(NoRunId.to_string()))?;
        text.parse().map_err(|error: NoRunId| bad(error.to_string()))
    }
}

/// The `{…}` of a path that has one, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let read = Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text);
        // PostgreSQL holds no NUL.
        read.ok()
            .filter(|text| !text.contains('\0'))
            .map(Self)
            .ok_or_else(|| Error::UnknownPath(parts.uri.path().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &'static str) -> Parameters {
        Parameters::of(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn what_is_not_given_is_none_and_no_error() {
        let mut none = parameters("");
        assert_eq!(none.take::<Limit>("limit"), None);
        assert!(none.finish().is_ok());
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let mut all = parameters("limit=0&format=xml&view=measured&view=compat&limt=3");
        assert_eq!(all.take::<Limit>("limit"), None);
        assert_eq!(all.take::<Format>("format"), None);
        assert_eq!(all.take::<crate::report::View>("view"), None);
        let Err(Error::Parameters(bad)) = all.finish() else { panic!("nothing was wrong") };
        let bad: Vec<_> = bad.iter().map(|bad| (bad.parameter.as_str(), bad.message.as_str())).collect();
        assert_eq!(
            bad,
            [
                ("limit", "must be a whole number from 1 to 100"),
                ("format", "must be json or csv"),
                ("view", "is given more than once"),
                ("limt", "is not a parameter of this path"),
            ]
        );
    }

    #[test]
    fn a_limit_is_from_1_to_100() {
        assert_eq!(parameters("limit=100").take("limit"), Some(Limit(100)));
        for text in ["limit=101", "limit=-1", "limit=1e1", "limit="] {
            assert_eq!(parameters(text).take::<Limit>("limit"), None, "{text}");
        }
    }
}
