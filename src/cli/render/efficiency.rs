//! How much of its GPUs each level used.

use super::plain_table;
use crate::report::{ResultReport, RunReport, name, number};

/// What is shown where a share can't be said.
const UNKNOWN: &str = "not available";

/// A row a level; instead, a line with the reason where nothing of this is known of any level. `None`: there was no GPU.
#[must_use]
pub fn efficiency(report: &RunReport) -> Option<Result<String, String>> {
    let on_gpus =
        |result: &ResultReport| result.comparability.as_ref().is_some_and(|setup| setup.gpu_count > 0);
    report.results.iter().any(on_gpus).then(|| of_levels(report))
}

fn of_levels(report: &RunReport) -> Result<String, String> {
    let summaries = report.summaries();
    let levels: Vec<_> = report.results.iter().map(|result| result.efficiency.as_ref()).collect();
    let known = levels.iter().flatten().any(|found| {
        found.bandwidth_share.is_some()
            || found.compute_share.is_some()
            || found.joules_per_output_token.is_some()
    });
    if !known {
        let why = levels.iter().flatten().find_map(|found| found.missing.first());
        let why = why.map_or("there is no result", String::as_str);
        return Err(format!("share of the GPUs' bandwidth and arithmetic: {UNKNOWN} ({why})"));
    }
    let header = ["benchmark", "bandwidth\nused %", "arithmetic\nused %", "J/output\ntoken"];
    let share = |share: Option<f64>| shown(share.map(|share| share * 100.0));
    let rows = summaries.iter().zip(levels).map(|(level, found)| {
        let found = found.cloned().unwrap_or_default();
        [
            name(level),
            share(found.bandwidth_share),
            share(found.compute_share),
            shown(found.joules_per_output_token),
        ]
    });
    Ok(plain_table(header, rows))
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), number)
}
