//! The table of what was measured, against what was asked for.

use std::fmt::Write;

/// What a figure must not exceed, or must reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At most.
    AtMost(f64),
    /// At least.
    AtLeast(f64),
    /// Shown only.
    None,
}

#[derive(Debug)]
struct Row {
    what: String,
    n: Option<usize>,
    ours: f64,
    truth: Option<f64>,
    judged: f64,
    unit: &'static str,
    target: Target,
}

/// The rows so far.
#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

impl Row {
    fn passes(&self) -> Option<bool> {
        match self.target {
            // What is no number passes nothing.
            Target::AtMost(most) => Some(self.judged <= most),
            Target::AtLeast(least) => Some(self.judged >= least),
            Target::None => None,
        }
    }

    fn line(&self) -> String {
        let target = match self.target {
            Target::AtMost(most) => format!("≤ {} {}", most, self.unit),
            Target::AtLeast(least) => format!("≥ {} {}", least, self.unit),
            Target::None => String::new(),
        };
        let verdict = match self.passes() {
            Some(true) => "pass",
            Some(false) => "FAIL",
            None => "",
        };
        let truth = self.truth.map(number).unwrap_or_default();
        let judged = if self.truth.is_some() {
            format!("{} {}", number(self.judged), self.unit)
        } else {
            String::new()
        };
        let ours = if self.truth.is_some() {
            number(self.ours)
        } else {
            format!("{} {}", number(self.ours), self.unit)
        };
        let n = self.n.map(|n| n.to_string()).unwrap_or_default();
        format!(
            "| {:<31} | {n:>7} | {ours:>17} | {truth:>8} | {judged:>9} | {target:>16} | {verdict:<4} |",
            self.what
        )
    }
}

impl Table {
    /// A time of ours beside the true one, ms; what counts is by how much it is off, ms.
    pub fn off_by_ms(&mut self, what: impl Into<String>, n: usize, ours: f64, truth: f64, target: Target) {
        let judged = (ours - truth).abs();
        self.0.push(Row {
            what: what.into(),
            n: Some(n),
            ours,
            truth: Some(truth),
            judged,
            unit: "ms",
            target,
        });
    }

    /// A time of ours beside the true one, ms; what counts is by how much it is off, per cent.
    pub fn off_by_percent(
        &mut self,
        what: impl Into<String>,
        n: usize,
        ours: f64,
        truth: f64,
        target: Target,
    ) {
        let judged = (ours / truth - 1.0).abs() * 100.0;
        self.0.push(Row {
            what: what.into(),
            n: Some(n),
            ours,
            truth: Some(truth),
            judged,
            unit: "%",
            target,
        });
    }

    /// A figure of ours.
    pub fn figure(
        &mut self,
        what: impl Into<String>,
        n: Option<usize>,
        ours: f64,
        unit: &'static str,
        target: Target,
    ) {
        self.0.push(Row { what: what.into(), n, ours, truth: None, judged: ours, unit, target });
    }

    /// The rows that miss their target.
    #[must_use]
    pub fn misses(&self) -> usize {
        self.0.iter().filter(|row| row.passes() == Some(false)).count()
    }

    /// As text; a Markdown table.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "| {:<31} | {:>7} | {:>17} | {:>8} | {:>9} | {:>16} | {:<4} |\n|{:-<33}|{:->8}:|{:->18}:|{:->9}:|{:->10}:|{:->17}:|{:-<6}|\n",
            "what", "n", "ours", "truth", "off by", "target", "", "", "", "", "", "", "", ""
        );
        for row in &self.0 {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{}", row.line());
        }
        text
    }
}

/// The machine's load, as it says it.
#[must_use]
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(" ") }
}
