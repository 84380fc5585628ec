//! What other readers find in MongoDB, field by field: names, types and which of them may be null. Pure: it must not
//! know a server or a table.
//!
//! Readers validate strictly, and one document that breaks a rule turns each of their pages that lists it into an error.

mod people;
mod prices;
mod runs;

use mongodb::bson::{Bson, DateTime, Document, doc};
use sha2::{Digest, Sha256};

pub(super) use people::{chat, comment, object_id, user};
pub(super) use prices::{NamedPrice, hourly, price};
pub(super) use runs::{RunDocuments, run};

/// The field that holds the version of a document of ours. What has it was written by us; readers don't know it.
pub(super) const VERSION: &str = "sync_version";

/// A document as it is to be, in the two parts of an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Upsert {
    /// Its collection.
    pub(super) collection: &'static str,
    /// Its natural key.
    pub(super) key: Document,
    /// What it is set to at each change.
    pub(super) set: Document,
    /// What it is set to when it is new.
    pub(super) set_on_insert: Document,
}

/// A value that can't be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: other readers would refuse the document")]
pub(super) struct Unfit(pub(super) String);

/// A whole number, in the smaller of the two types that hold it.
pub(super) fn int(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}

/// How many.
pub(super) fn count(number: usize) -> Bson {
    int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A finite number.
pub(super) fn double(field: &'static str, value: f64) -> Result<Bson, Unfit> {
    if value.is_finite() { Ok(Bson::Double(value)) } else { Err(Unfit(format!("`{field}` is {value}"))) }
}

/// A time, to the millisecond.
pub(super) fn date(value: chrono::DateTime<chrono::Utc>) -> Bson {
    Bson::DateTime(DateTime::from_millis(value.timestamp_millis()))
}

/// A text or null.
pub(super) fn text(value: Option<&str>) -> Bson {
    value.map_or(Bson::Null, Bson::from)
}

/// SHA-256 of those fields of a document that are also in `like`, in its order, whole numbers by their value: equal where
/// the document says the same in them. The version doesn't count.
pub(super) fn digest(document: &Document, like: &Document) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for field in like.keys().filter(|field| field.as_str() != VERSION) {
        hasher.update(field.as_bytes());
        hash(&mut hasher, document.get(field).unwrap_or(&Bson::Undefined));
    }
    hasher.finalize().into()
}

fn hash(hasher: &mut Sha256, value: &Bson) {
    match value {
        Bson::Int32(number) => hash(hasher, &Bson::Int64((*number).into())),
        Bson::Document(document) => {
            let mut fields: Vec<_> = document.iter().collect();
            fields.sort_by_key(|(field, _)| *field);
            hasher.update(b"{");
            for (field, value) in fields {
                hasher.update(field.as_bytes());
                hash(hasher, value);
            }
            hasher.update(b"}");
        }
        Bson::Array(values) => {
            hasher.update(b"[");
            for value in values {
                hash(hasher, value);
            }
            hasher.update(b"]");
        }
        // The kind of a value counts: readers refuse a text for a number.
        other => hasher.update(format!("{:?} {other:?};", other.element_type()).as_bytes()),
    }
}

impl Upsert {
    /// The update statement. One that is older than what is there matches nothing and runs into the unique key, so that
    /// an old version never replaces a new one; with `force` it does.
    pub(super) fn statement(&self, force: bool) -> Document {
        let mut filter = self.key.clone();
        if let Some(version) = self.set.get(VERSION).filter(|_| !force) {
            filter.insert(VERSION, doc! { "$not": { "$gt": version.clone() } });
        }
        let mut update = doc! { "$set": self.set.clone() };
        if !self.set_on_insert.is_empty() {
            update.insert("$setOnInsert", self.set_on_insert.clone());
        }
        doc! { "q": filter, "u": update, "upsert": true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_digest_of_what_it_says_whatever_else_it_has() {
        let ours = doc! { "a": 1, "b": [1.5, "x"], "c": Bson::Null, VERSION: 4 };
        let theirs = doc! { "_id": 7, "c": Bson::Null, "b": [1.5, "x"], "a": 1_i64, "likes": 3, VERSION: 9 };
        assert_eq!(digest(&theirs, &ours), digest(&ours, &ours));
        for other in [
            doc! { "a": 1.0, "b": [1.5, "x"], "c": Bson::Null },
            doc! { "a": 1, "b": [1.5, "y"], "c": Bson::Null },
            doc! { "a": 1, "b": [1.5, "x"] },
            doc! { "a": "1", "b": [1.5, "x"], "c": Bson::Null },
        ] {
            assert_ne!(digest(&other, &ours), digest(&ours, &ours), "{other}");
        }
    }

    #[test]
    fn what_is_not_finite_is_refused_and_whole_numbers_take_the_smaller_type() {
        assert!(double("x", f64::NAN).is_err() && double("x", f64::INFINITY).is_err());
        assert_eq!(double("x", 2.0), Ok(Bson::Double(2.0)));
        assert_eq!((int(7), int(5_000_000_000)), (Bson::Int32(7), Bson::Int64(5_000_000_000)));
    }
}
