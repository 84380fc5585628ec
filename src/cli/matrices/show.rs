//! A matrix's report, and a list of matrices, for a person or as JSON.

use std::fmt::Write;

use crate::{
    cli::{
        Context,
        table::{or_dash, table},
    },
    report::matrix::{Counts, MatrixReport, MatrixSummary},
};

pub(super) fn list(context: &Context, matrices: &[MatrixSummary]) {
    if context.output.json {
        context.output.json(&matrices);
        return;
    }
    if matrices.is_empty() {
        context.output.note("no matrices yet: dria-bench matrices run --help");
        return;
    }
    let rows = matrices.iter().map(|matrix| {
        [
            matrix.matrix.to_string(),
            or_dash(matrix.schedule.as_ref()),
            matrix.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            matrix.state.to_string(),
            format!("{}/{}", matrix.cells.done, matrix.cells.planned),
            matrix.cells.failed.to_string(),
            matrix.cells.skipped.to_string(),
            format!("{}/{}", matrix.spent_usd.round_dp(2), matrix.budget_usd.round_dp(2)),
        ]
    });
    let heading =
        ["matrix", "schedule", "created (UTC)", "state", "done", "failed", "skipped", "USD spent of budget"];
    context.output.data(table(heading, rows));
}

pub(super) fn report(context: &Context, report: &MatrixReport) {
    if context.output.json {
        context.output.json(report);
    } else {
        context.output.data(text(report));
    }
}

fn text(report: &MatrixReport) -> String {
    let MatrixSummary { matrix, schedule, tick, state, cells, .. } = &report.summary;
    let origin = match (schedule, tick) {
        (Some(schedule), Some(tick)) => format!("{schedule}, {}", tick.format("%Y-%m-%d %H:%M UTC")),
        (Some(schedule), None) => format!("{schedule}, started by {}", report.summary.created_by),
        (None, _) => format!("started by {}", report.summary.created_by),
    };
    let mut text = format!("matrix {matrix} ({origin}): {state}\n{}\n", sentence(*cells));
    let duration = report.summary.duration_s.map_or_else(String::new, |seconds| {
        format!(" in {}:{:02}:{:02}", seconds as u64 / 3600, seconds as u64 / 60 % 60, seconds as u64 % 60)
    });
    let (spent, budget) = (report.summary.spent_usd.round_dp(2), report.summary.budget_usd.round_dp(2));
    let _ = writeln!(text, "{spent} of {budget} USD spent{duration}");
    for reason in &report.reasons {
        let _ = writeln!(text, "{} {}: {}", reason.cells, reason.state, reason.reason);
    }
    let rows = report.list.iter().map(|cell| {
        [
            cell.cell.to_string(),
            cell.model.clone(),
            cell.engine.to_string(),
            format!("{} × {}", cell.gpu_count, cell.gpu),
            cell.state.to_string(),
            or_dash(cell.run),
            cell.spent_usd.round_dp(4).normalize().to_string(),
            or_dash(cell.data_center.as_ref()),
            or_dash(cell.machine),
        ]
    });
    let heading = ["cell", "model", "engine", "GPU", "state", "run", "USD", "data center", "machine"];
    text + "\n" + &table(heading, rows)
}

/// `12 cells: 10 done, 1 failed, 1 skipped`.
fn sentence(cells: Counts) -> String {
    let parts = [
        (cells.waiting, "waiting"),
        (cells.running, "running"),
        (cells.done, "done"),
        (cells.failed, "failed"),
        (cells.skipped, "skipped"),
        (cells.cancelled, "cancelled"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let of = if cells.planned == 1 { "cell" } else { "cells" };
    format!("{} {of}: {}", cells.planned, parts.join(", "))
}
