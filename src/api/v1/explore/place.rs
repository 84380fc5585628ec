//! The order of a search and where a page of it ended, as parameters.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    api::parameters::Parameters,
    domain::explore::{Place, Sort, SortKey},
};

const NO_CURSOR: &str = "must be the `next` of an earlier page of the same order, as it was given";

/// Reads `sort`, `order` and `cursor`.
pub(super) fn order_and_place(parameters: &mut Parameters) -> (Sort, Option<Place>) {
    let key = parameters.take("sort").unwrap_or(SortKey::MeasuredAt);
    let order = parameters.take("order").map(|Order(descending)| descending);
    let sort = Sort { key, descending: order.unwrap_or(key.is_descending()) };
    let cursor: Option<Cursor> = parameters.take("cursor");
    if cursor.as_ref().is_some_and(|cursor| cursor.sort != sort) {
        parameters.refuse("cursor", NO_CURSOR.to_owned());
    }
    (sort, cursor.map(|cursor| cursor.place))
}

struct Order(bool);

impl FromStr for Order {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "asc" => Ok(Self(false)),
            "desc" => Ok(Self(true)),
            _ => Err("must be asc or desc"),
        }
    }
}

/// Where a page ended.
#[derive(Debug, PartialEq)]
pub(super) struct Cursor {
    /// In this order.
    pub(super) sort: Sort,
    /// Behind this run.
    pub(super) place: Place,
}

impl Cursor {
    /// As clients get it.
    pub(super) fn text(&self) -> String {
        let Self { sort, place } = self;
        let order = if sort.descending { "desc" } else { "asc" };
        let figure = place.figure.map(|figure| format!("{:x}", figure.to_bits())).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{order}/{figure}/{}", sort.key.as_str(), place.id))
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(s).map_err(|_| NO_CURSOR)?;
        let text = String::from_utf8(bytes).map_err(|_| NO_CURSOR)?;
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().ok_or(NO_CURSOR);
        let key = next()?.parse().map_err(|_| NO_CURSOR)?;
        let Order(descending) = next()?.parse().map_err(|_| NO_CURSOR)?;
        let figure = match next()? {
            "" => None,
            bits => Some(f64::from_bits(u64::from_str_radix(bits, 16).map_err(|_| NO_CURSOR)?)),
        };
        let id = next()?.to_owned();
        if figure.is_some_and(f64::is_nan) {
            return Err(NO_CURSOR);
        }
        Ok(Self { sort: Sort { key, descending }, place: Place { figure, id } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::explore::Metric;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_junk_is_refused() {
        for (figure, id) in [(Some(0.1), "a/b"), (None, "pod-1")] {
            let sort = Sort { key: SortKey::By(Metric::Cost), descending: false };
            let cursor = Cursor { sort, place: Place { figure, id: id.to_owned() } };
            assert_eq!(cursor.text().parse(), Ok(cursor));
        }
        for junk in
            ["", "7", "' or 1=1", "====", &BASE64_URL_SAFE_NO_PAD.encode("cost/asc/x/a"), &"A".repeat(4000)]
        {
            assert!(junk.parse::<Cursor>().is_err(), "{junk:.20}");
        }
    }
}
