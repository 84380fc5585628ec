//! The order of what was found, and pages of it. A page begins behind the last run of the page before, by that run's figure
//! and id, so what is added meanwhile moves nothing.

use std::{cmp::Ordering, str::FromStr};

use super::{Found, Index, Listed, Metric};

/// What runs are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// When they were measured.
    MeasuredAt,
    /// A figure of theirs.
    By(Metric),
}

/// An order. Runs whose figure isn't known come last either way; equal ones by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The greatest first.
    pub descending: bool,
}

/// Where a page ended: the last run's figure and id.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The figure it was ordered by (of a time its microseconds); `None`: it has none.
    pub figure: Option<f64>,
    /// Its id.
    pub id: String,
}

/// The places of all runs by one key, ascending, and those without it by id.
#[derive(Debug, Default)]
pub(super) struct Order {
    known: Vec<u32>,
    unknown: Vec<u32>,
}

impl SortKey {
    /// Every key.
    pub const ALL: [Self; 6] = [
        Self::MeasuredAt,
        Self::By(Metric::Ttft),
        Self::By(Metric::Tps),
        Self::By(Metric::Itl),
        Self::By(Metric::Latency),
        Self::By(Metric::Cost),
    ];

    /// Its name as a parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MeasuredAt => "measured_at",
            Self::By(metric) => metric.as_str(),
        }
    }

    /// Whether the greatest first is what people expect: the newest, the fastest.
    #[must_use]
    pub const fn is_descending(self) -> bool {
        match self {
            Self::MeasuredAt => true,
            Self::By(metric) => metric.more_is_better(),
        }
    }

    fn of(self, run: &Listed) -> Option<f64> {
        match self {
            Self::MeasuredAt => Some(run.measured_at.timestamp_micros() as f64),
            Self::By(metric) => metric.of(run),
        }
    }
}

impl FromStr for SortKey {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|key| key.as_str() == s)
            .ok_or("must be measured_at, ttft, tps, itl, latency or cost")
    }
}

impl Default for Sort {
    /// The newest first.
    fn default() -> Self {
        Self { key: SortKey::MeasuredAt, descending: true }
    }
}

impl Place {
    /// Where this run stands.
    #[must_use]
    pub fn of(run: &Listed, sort: Sort) -> Self {
        Self { figure: sort.key.of(run), id: run.id.clone() }
    }
}

fn compare(a: (Option<f64>, &str), b: (Option<f64>, &str), descending: bool) -> Ordering {
    match (a.0, b.0) {
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.1.cmp(b.1),
        (Some(x), Some(y)) => {
            let ascending = x.total_cmp(&y).then_with(|| a.1.cmp(b.1));
            if descending { ascending.reverse() } else { ascending }
        }
    }
}

/// Every order of these runs.
pub(super) fn orders(runs: &[Listed]) -> Vec<Order> {
    let order = |key: SortKey| {
        let figures: Vec<(Option<f64>, &str)> =
            runs.iter().map(|run| (key.of(run), run.id.as_str())).collect();
        let mut places: Vec<u32> = (0..runs.len() as u32).collect();
        let at = |place: u32| figures.get(place as usize).copied().unwrap_or((None, ""));
        places.sort_by(|a, b| compare(at(*a), at(*b), false));
        let (known, unknown) = places.into_iter().partition(|place| at(*place).0.is_some());
        Order { known, unknown }
    };
    SortKey::ALL.map(order).into()
}

impl Index {
    /// A page of what was found: at most `limit` runs behind `after`, and whether there are more.
    #[must_use]
    pub fn page(
        &self,
        found: &Found,
        sort: Sort,
        after: Option<&Place>,
        limit: usize,
    ) -> (Vec<&Listed>, bool) {
        let place = SortKey::ALL.into_iter().position(|key| key == sort.key).unwrap_or_default();
        let Some(order) = self.orders.get(place) else { return (Vec::new(), false) };
        let is_behind = |run: &Listed| {
            after.is_none_or(|after| {
                let here = (sort.key.of(run), run.id.as_str());
                compare(here, (after.figure, after.id.as_str()), sort.descending) == Ordering::Greater
            })
        };
        let known: Box<dyn Iterator<Item = &u32>> =
            if sort.descending { Box::new(order.known.iter().rev()) } else { Box::new(order.known.iter()) };
        let mut page: Vec<&Listed> = known
            .chain(&order.unknown)
            .map(|place| *place as usize)
            .filter(|place| found.is_hit.get(*place).copied().unwrap_or_default())
            .filter_map(|place| self.runs.get(place))
            .filter(|run| is_behind(run))
            .take(limit + 1)
            .collect();
        let has_more = page.len() > limit;
        page.truncate(limit);
        (page, has_more)
    }
}
