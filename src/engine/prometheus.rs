//! Just enough of the Prometheus text format to read an engine's counters.

use crate::domain::measure::observed::Histogram;

/// The values of all samples of the first of these metrics that has any, whatever their labels. Engines rename
/// their metrics: names go newest first.
fn samples(text: &str, names: &[&str]) -> Vec<f64> {
    names
        .iter()
        .map(|name| text.lines().filter_map(|line| sample(line, name)).collect::<Vec<_>>())
        .find(|values| !values.is_empty())
        .unwrap_or_default()
}

/// Their sum; `None` when there is no sample.
pub(super) fn sum(text: &str, names: &[&str]) -> Option<f64> {
    let values = samples(text, names);
    (!values.is_empty()).then(|| values.iter().sum())
}

/// Their mean; `None` when there is no sample.
pub(super) fn mean(text: &str, names: &[&str]) -> Option<f64> {
    let values = samples(text, names);
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// A histogram, all label sets together; `None` when there is no sample of it.
pub(super) fn histogram(text: &str, name: &str) -> Option<Histogram> {
    let total = |suffix: &str| sum(text, &[&format!("{name}{suffix}")]);
    let (sum, count, bucket) = (total("_sum")?, total("_count")?, format!("{name}_bucket"));
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(&bucket)) {
        let (Some(bound), Some(samples)) = (upper_bound(line), sample(line, &bucket)) else { continue };
        match buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
            Some((_, known)) => *known += samples,
            None => buckets.push((bound, samples)),
        }
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Histogram { sum, count, buckets })
}

/// The bound of a bucket; `None` of the last one, which has none.
fn upper_bound(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once("le=\"")?;
    let bound: f64 = rest.split('"').next()?.parse().ok()?;
    bound.is_finite().then_some(bound)
}

/// The value when the line is a sample of this metric.
fn sample(line: &str, name: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.chars().next()? {
        '{' => rest.get(end_of_labels(rest)?..)?,
        c if c.is_whitespace() => rest,
        _ => return None,
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Where the labels that start the text end, past the brace. Quoted values may hold braces.
fn end_of_labels(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histograms_buckets_are_summed_over_labels_and_end_before_the_unbounded_one() {
        let text = include_str!("../../tests/fixtures/vllm/metrics.txt");
        let ttft = histogram(text, "vllm:time_to_first_token_seconds").unwrap();
        assert_eq!((ttft.sum, ttft.count), (8.214, 200.0));
        assert_eq!(ttft.buckets, [(0.02, 3.0), (0.04, 120.0), (0.06, 180.0)]);
        let two = "t_sum{e=\"0\"} 1\nt_sum{e=\"1\"} 2\nt_count{e=\"0\"} 3\nt_count{e=\"1\"} 4\n\
                   t_bucket{e=\"0\",le=\"0.5\"} 3\nt_bucket{le=\"0.5\",e=\"1\"} 4\nt_bucket{e=\"1\",le=\"+Inf\"} 4\n";
        let both = histogram(two, "t").unwrap();
        assert_eq!((both.sum, both.count, both.buckets), (3.0, 7.0, vec![(0.5, 7.0)]));
        assert_eq!(histogram(text, "vllm:nothing"), None);
    }

    #[test]
    fn samples_are_summed_over_labels_and_near_names_are_not_taken() {
        let text = "# HELP a_total Help a_total 7\na_total{m=\"x } \\\" y\"} 2 1700000000\na_total{m=\"z\"} 3\n\
                    a_total_created 99\na_total NaN\n\nb 4\n";
        assert_eq!(sum(text, &["a_total"]), Some(5.0));
        assert_eq!(mean(text, &["a_total"]), Some(2.5));
        assert_eq!(
            sum(text, &["missing", "b"]),
            Some(4.0),
            "an old name is taken when the new one isn't there"
        );
        assert_eq!(sum(text, &["c"]), None);
        assert_eq!(sum("a{unclosed=\"", &["a"]), None);
    }
}
