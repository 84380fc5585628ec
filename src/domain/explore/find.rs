//! Which runs a query means, and how many there would be of each value of a facet.

use super::{Facet, Index, Listed, Metric, Query, Range, index::Entry};

/// What a query found.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// Places of the runs that are meant, ascending.
    pub(super) hits: Vec<u32>,
    /// By place: whether it is meant.
    pub(super) is_hit: Vec<bool>,
    counts: Vec<Vec<u32>>,
    meant: Vec<Option<Vec<bool>>>,
    spans: [Span; Metric::ALL.len()],
}

/// A value of a facet, and how many runs have it among those that all other filters mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount<'a> {
    /// The value.
    pub value: &'a str,
    /// Runs; its own facet's filter doesn't count.
    pub count: u32,
    /// Whether the filter names it.
    pub selected: bool,
}

/// The figures of a metric among the runs that all other filters mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span {
    /// Runs of which it is known.
    pub known: u32,
    /// The least and the greatest; `None`: it is known of none.
    pub bounds: Option<(f64, f64)>,
}

impl Span {
    fn take(&mut self, figure: Option<f64>) {
        let Some(figure) = figure else { return };
        self.known += 1;
        let (min, max) = self.bounds.unwrap_or((figure, figure));
        self.bounds = Some((min.min(figure), max.max(figure)));
    }
}

impl Found {
    /// How many runs are meant.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// A metric among the runs that all filters but its own bounds mean.
    #[must_use]
    pub fn span(&self, metric: Metric) -> Span {
        let spans = Metric::ALL.into_iter().zip(self.spans);
        spans.into_iter().find(|(of, _)| *of == metric).map(|(_, span)| span).unwrap_or_default()
    }
}

impl Index {
    /// Looks for the runs that a query means.
    #[must_use]
    pub fn find(&self, query: &Query) -> Found {
        let wanted = |facet| query.facets.get(&facet).filter(|values| !values.is_empty());
        let meant: Vec<Option<Vec<bool>>> = Facet::ALL
            .into_iter()
            .zip(&self.columns)
            .map(|(facet, column)| wanted(facet).map(|values| column.meant(values)))
            .collect();
        let ranges = Metric::ALL.map(|metric| (metric, query.ranges.get(&metric).copied()));
        let text = query.text.as_ref().map(|text| text.to_lowercase());
        let mut found = Found {
            hits: Vec::new(),
            is_hit: vec![false; self.runs.len()],
            counts: self.columns.iter().map(|column| vec![0; column.entries.len()]).collect(),
            meant,
            spans: [Span::default(); Metric::ALL.len()],
        };
        for (place, (run, haystack)) in self.runs.iter().zip(&self.texts).enumerate() {
            let is_in_time = query.since.is_none_or(|since| run.measured_at >= since)
                && query.until.is_none_or(|until| run.measured_at < until);
            if is_in_time && text.as_ref().is_none_or(|text| haystack.contains(text)) {
                self.count(&mut found, place, run, &ranges);
            }
        }
        found
    }

    /// A run that fails one filter counts for that filter's own facet, one that fails none for all.
    fn count(
        &self,
        found: &mut Found,
        place: usize,
        run: &Listed,
        ranges: &[(Metric, Option<Range>); Metric::ALL.len()],
    ) {
        let mut fails = 0_u32;
        for (bit, (column, meant)) in self.columns.iter().zip(&found.meant).enumerate() {
            let passes = meant.as_ref().is_none_or(|meant| {
                let code = column.codes.get(place).copied().unwrap_or_default();
                meant.get(code as usize).copied().unwrap_or_default()
            });
            fails |= u32::from(!passes) << bit;
        }
        for (bit, (metric, range)) in ranges.iter().enumerate() {
            let passes = range.is_none_or(|range| range.holds(metric.of(run)));
            fails |= u32::from(!passes) << (Facet::ALL.len() + bit);
        }
        if fails.count_ones() > 1 {
            return;
        }
        let counts_for = |bit: usize| fails & !(1 << bit) == 0;
        for (bit, (column, counts)) in self.columns.iter().zip(&mut found.counts).enumerate() {
            let code = column.codes.get(place).map(|code| *code as usize);
            if let Some(count) = code.filter(|_| counts_for(bit)).and_then(|code| counts.get_mut(code)) {
                *count += 1;
            }
        }
        for (bit, ((metric, _), span)) in ranges.iter().zip(&mut found.spans).enumerate() {
            if counts_for(Facet::ALL.len() + bit) {
                span.take(metric.of(run));
            }
        }
        if fails == 0 {
            found.hits.push(place as u32);
            if let Some(is_hit) = found.is_hit.get_mut(place) {
                *is_hit = true;
            }
        }
    }

    /// The runs that were found, in no order that means anything.
    pub fn runs<'a>(&'a self, found: &'a Found) -> impl Iterator<Item = &'a Listed> {
        found.hits.iter().filter_map(|place| self.runs.get(*place as usize))
    }

    /// The values of a facet, the most frequent first, at most `most`; those that are selected are among them.
    #[must_use]
    pub fn facet<'a>(&'a self, found: &Found, facet: Facet, most: usize) -> Vec<FacetCount<'a>> {
        let place = Facet::ALL.into_iter().position(|of| of == facet).unwrap_or_default();
        let (Some(column), Some(counts)) = (self.columns.get(place), found.counts.get(place)) else {
            return Vec::new();
        };
        let meant = found.meant.get(place).and_then(Option::as_ref);
        let is_meant = |entry: usize| meant.and_then(|meant| meant.get(entry)).copied().unwrap_or_default();
        let mut values: Vec<FacetCount<'a>> = column
            .entries
            .iter()
            .zip(counts)
            .enumerate()
            .map(|(entry, (Entry { value, .. }, count))| FacetCount {
                value,
                count: *count,
                selected: is_meant(entry),
            })
            .collect();
        values.sort_by(|a, b| (!a.selected, b.count, a.value).cmp(&(!b.selected, a.count, b.value)));
        values.truncate(most);
        values.sort_by(|a, b| (b.count, a.value).cmp(&(a.count, b.value)));
        values
    }
}
