//! What the answers of the original paths have in common: the envelope of what was done, pages, dates.

use chrono::{DateTime, SecondsFormat, Timelike as _, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done<T> {
    /// Always true.
    success: bool,
    /// For people.
    message: String,
    data: T,
}

impl<T> Done<T> {
    /// It is done.
    pub(super) fn new(message: impl Into<String>, data: T) -> Self {
        Self { success: true, message: message.into(), data }
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Counted from 1.
    pub(super) page: i64,
    /// 1 to 50.
    pub(super) per_page: i64,
}

impl Page {
    /// How many things come before it.
    pub(super) const fn offset(self) -> i64 {
        (self.page - 1).saturating_mul(self.per_page)
    }

    /// The same page of a list that is there already.
    pub(super) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        all.into_iter().skip(count(self.offset())).take(count(self.per_page)).collect()
    }
}

/// Which page of how many it is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Pagination {
    current_page: i64,
    per_page: i64,
    total_items: i64,
    /// At least 1.
    total_pages: i64,
    has_next: bool,
    has_prev: bool,
}

impl Pagination {
    /// Of `total_items` things.
    pub(super) fn new(page: Page, total_items: i64) -> Self {
        let Page { page, per_page } = page;
        let total_pages = total_items.saturating_add(per_page - 1).div_euclid(per_page).max(1);
        Self {
            current_page: page,
            per_page,
            total_items,
            total_pages,
            has_next: page < total_pages,
            has_prev: page > 1,
        }
    }
}

/// A time as these paths write it: ISO 8601 in UTC without a zone, to the microsecond, or to the second where it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "2025-07-14T15:45:40.372000")]
pub(super) struct Stamp(pub(super) DateTime<Utc>);

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0.nanosecond() / 1000 == 0;
        let form = if whole { SecondsFormat::Secs } else { SecondsFormat::Micros };
        serializer.serialize_str(self.0.to_rfc3339_opts(form, true).trim_end_matches('Z'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_no_zone_and_a_fraction_only_where_it_has_one() {
        let stamp = |text: &str| serde_json::to_value(Stamp(text.parse().unwrap())).unwrap();
        assert_eq!(stamp("2025-07-14T15:45:40.372Z"), "2025-07-14T15:45:40.372000");
        assert_eq!(stamp("2025-07-14T17:45:40+02:00"), "2025-07-14T15:45:40");
        assert_eq!(stamp("2025-07-14T15:45:40.0000009Z"), "2025-07-14T15:45:40");
    }

    #[test]
    fn pages_count_from_1_and_there_is_always_one() {
        let of = |page, total| {
            let Pagination { total_pages, has_next, has_prev, .. } =
                Pagination::new(Page { page, per_page: 6 }, total);
            (total_pages, has_next, has_prev)
        };
        assert_eq!(of(1, 0), (1, false, false));
        assert_eq!(of(1, 6), (1, false, false));
        assert_eq!(of(1, 7), (2, true, false));
        assert_eq!(of(2, 7), (2, false, true));
        assert_eq!(of(9, 7), (2, false, true), "past the end there is a page before");
        let last = Page { page: i64::MAX, per_page: 50 };
        assert_eq!((last.of(vec![1, 2]), Page { page: 2, per_page: 1 }.of(vec![1, 2])), (vec![], vec![2]));
    }
}
