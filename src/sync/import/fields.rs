//! Fields of a document that may be missing, null, or of another type than they should be: numbers as texts, whole numbers as
//! doubles, dates as seconds or texts.

use chrono::{DateTime, NaiveDateTime, Utc};
use mongodb::bson::{Bson, Document};

/// A document's fields.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Document);

impl<'a> Fields<'a> {
    fn get(self, name: &str) -> Option<&'a Bson> {
        self.0.get(name)
    }

    /// A text that isn't empty, without what PostgreSQL can't hold.
    pub(super) fn text(self, name: &str) -> Option<String> {
        match self.get(name)? {
            Bson::String(text) if !text.trim().is_empty() => Some(text.replace('\0', "\u{fffd}")),
            _ => None,
        }
    }

    /// A finite number.
    pub(super) fn number(self, name: &str) -> Option<f64> {
        let number = match self.get(name)? {
            Bson::Double(number) => *number,
            Bson::Int32(number) => f64::from(*number),
            Bson::Int64(number) => *number as f64,
            Bson::String(text) => text.trim().parse().ok()?,
            Bson::Decimal128(number) => number.to_string().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A whole number; one with a fraction is rounded.
    pub(super) fn whole(self, name: &str) -> Option<i64> {
        if let Some(Bson::Int64(number)) = self.get(name) {
            return Some(*number);
        }
        let number = self.number(name)?.round();
        // What a double tells apart.
        (number.abs() < 9e15).then_some(number as i64)
    }

    /// The same of 0 or more, as our tables hold it.
    pub(super) fn count(self, name: &str) -> Option<i32> {
        self.whole(name).and_then(|number| i32::try_from(number).ok()).filter(|number| *number >= 0)
    }

    /// A time: a date, seconds since 1970, or a text, of which one without a zone is in UTC.
    pub(super) fn time(self, name: &str) -> Option<DateTime<Utc>> {
        let time = match self.get(name)? {
            Bson::DateTime(time) => DateTime::from_timestamp_millis(time.timestamp_millis()),
            Bson::String(text) => DateTime::parse_from_rfc3339(text)
                .map(|time| time.to_utc())
                .or_else(|_| text.parse::<NaiveDateTime>().map(|time| time.and_utc()))
                .ok(),
            _ => self.number(name).and_then(|s| {
                // More is beyond the years that PostgreSQL knows.
                (s.abs() < 1e11).then(|| DateTime::from_timestamp_micros((s * 1e6).round() as i64)).flatten()
            }),
        };
        // 1970 to 9999: what is outside is no time of anything here.
        time.filter(|time| (0..253_402_300_800).contains(&time.timestamp()))
    }

    /// An object within.
    pub(super) fn object(self, name: &str) -> Option<Self> {
        self.get(name).and_then(Bson::as_document).map(Self)
    }

    /// The objects of a list within.
    pub(super) fn objects(self, name: &str) -> Vec<Self> {
        let list = self.get(name).and_then(Bson::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Bson::as_document).map(Fields).collect()
    }

    /// The GitHub ids of a list, each once.
    pub(super) fn people(self, name: &str) -> Vec<i64> {
        let list = self.get(name).and_then(Bson::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<i64> = list
            .iter()
            .filter_map(|id| match id {
                Bson::Int32(id) => Some(i64::from(*id)),
                Bson::Int64(id) => Some(*id),
                Bson::Double(id) if id.fract() == 0.0 && id.abs() < 9e15 => Some(*id as i64),
                _ => None,
            })
            .filter(|id| *id > 0)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// An id of 24 lower-case hex digits, be it an `ObjectId` or a text.
    pub(super) fn id(self, name: &str) -> Option<String> {
        match self.get(name)? {
            Bson::ObjectId(id) => Some(id.to_hex()),
            Bson::String(id) if id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Some(id.to_ascii_lowercase())
            }
            _ => None,
        }
    }

    /// What a document is called in a report.
    pub(super) fn called(self) -> String {
        self.id("_id")
            .or_else(|| self.get("_id").map(ToString::to_string))
            .unwrap_or_else(|| "one without _id".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn what_is_of_another_type_is_read_all_the_same_and_junk_is_none() {
        let document = doc! {
            "text": "a\0b", "empty": " ", "null": Bson::Null, "int": 7_i32, "long": 8_i64, "double": 2.5, "said": "3.5",
            "nan": f64::NAN, "seconds": 1_752_507_940.372, "iso": "2025-07-14T15:45:40.372Z", "plain": "2025-07-14T15:45:40",
            "huge": 1e300, "list": [1_i32, 2_i64, 2.0, 2.5, "3", -4_i32, Bson::Null],
        };
        let fields = Fields(&document);
        assert_eq!(
            (fields.text("text").as_deref(), fields.text("empty"), fields.text("int")),
            (Some("a\u{fffd}b"), None, None)
        );
        assert_eq!(
            (fields.number("said"), fields.number("nan"), fields.number("null")),
            (Some(3.5), None, None)
        );
        assert_eq!(
            (fields.whole("long"), fields.whole("double"), fields.whole("huge")),
            (Some(8), Some(3), None)
        );
        let time = fields.time("seconds").unwrap();
        assert_eq!((time.timestamp_millis(), fields.time("iso")), (1_752_507_940_372, Some(time)));
        assert_eq!(fields.time("plain").unwrap().timestamp(), 1_752_507_940);
        assert_eq!((fields.time("huge"), fields.time("nan"), fields.time("text")), (None, None, None));
        assert_eq!(fields.people("list"), [1, 2]);
    }
}
