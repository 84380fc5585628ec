//! `dria-bench results compare` and `results variance`.

use sqlx::PgConnection;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    find::{self, RunRef},
    table::table,
};
use crate::{
    domain::{ids::RunId, measure::comparable::Difference},
    report::{
        comparison::{
            Compared, ComparedLevel, Comparison, Unit, Variance, compare_runs, levels, repeat_differences,
            variance,
        },
        number,
    },
    store::runs,
};

/// Runs among which repeats are looked for.
const NEWEST: i64 = 1_000;

/// Say whether two results differ, level by level, and by how much.
///
/// One run on each side is compared by its requests; several runs on each side (`A1,A2,A3`, or --repeats) by their runs,
/// which is stronger: what differs between two runs of the very same set-up is then part of the spread. p-values are
/// corrected for the number of comparisons (Holm), so that all of them together raise a false alarm in 5 % of cases.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// The first side: a run, or several separated by commas
    #[arg(value_name = "A", value_parser = runs_of)]
    a: Runs,
    /// The second side
    #[arg(value_name = "B", value_parser = runs_of)]
    b: Runs,
    /// Take the repeats of each run with it
    #[arg(long)]
    repeats: bool,
    /// Compare even what doesn't compare fairly, for instance other weights or another GPU
    #[arg(long)]
    anyway: bool,
}

/// Several runs, as typed.
#[derive(Debug, Clone)]
pub struct Runs(Vec<RunRef>);

fn runs_of(text: &str) -> Result<Runs, String> {
    text.split(',').map(|run| run.trim().parse()).collect::<Result<_, _>>().map(Runs)
}

/// Show how much runs of the same set-up vary: the mean over the runs, its interval, and the spread.
#[derive(Debug, clap::Args)]
pub struct VarianceArgs {
    /// The runs; of a single one, its repeats are taken with it
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<RunRef>,
}

/// Compares two results.
///
/// # Errors
/// Exit 1 when a run is missing or the sides don't compare fairly, exit 2 when one run is set against several.
pub(super) async fn compare(args: &CompareArgs, context: &Context, database: &Database) -> CliResult {
    let (a, b) = both(database, args).await?;
    let comparison = compare_runs(&a, &b).ok_or_else(|| {
        CliError::usage(format!("{} against {} can't be compared", count(a.len()), count(b.len())))
            .hint("give one run on each side, or several on each: A1,A2 B1,B2, or --repeats")
    })?;
    let is_fair = comparison.not_comparable.is_empty() || args.anyway;
    if context.output.json {
        context.output.json(&comparison);
    } else if is_fair {
        context.output.data(in_words(&comparison));
    }
    if is_fair {
        return Ok(Exit::Done);
    }
    Err(CliError::failed(format!("not comparable: differs in {}", named(&comparison.not_comparable))).hint(
        "measure both with the same settings (dria-bench run --like RUN), or look anyway with --anyway",
    ))
}

fn count(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

async fn both(database: &Database, args: &CompareArgs) -> Result<(Side, Side), CliError> {
    let mut conn = database.pool.acquire().await?;
    let a = side(&mut conn, &args.a.0, args.repeats).await?;
    let b = side(&mut conn, &args.b.0, args.repeats).await?;
    Ok((a, b))
}

type Side = Vec<Vec<ComparedLevel>>;

async fn side(conn: &mut PgConnection, meant: &[RunRef], repeats: bool) -> Result<Side, CliError> {
    let mut ids = Vec::new();
    for run in meant {
        let id = find::run(conn, run).await?;
        let found = if repeats { group(conn, id).await? } else { vec![id] };
        for id in found {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    read(conn, &ids).await
}

async fn read(conn: &mut PgConnection, ids: &[RunId]) -> Result<Side, CliError> {
    let mut side = Vec::new();
    for id in ids {
        let levels = levels(conn, *id).await?;
        if levels.is_empty() {
            return Err(CliError::failed(format!("run {id} has no results yet"))
                .hint(format!("dria-bench runs show {id} says where it is")));
        }
        side.push(levels);
    }
    Ok(side)
}

/// A run and its repeats, or the run that it repeats and that one's repeats; those without results are left out.
async fn group(conn: &mut PgConnection, id: RunId) -> Result<Vec<RunId>, CliError> {
    let all = runs::list(conn, None, NEWEST).await?;
    let repeats_of =
        |of: RunId| all.iter().filter(|run| run.rerun_of == Some(of)).map(|run| run.id).collect();
    let repeats: Vec<RunId> = repeats_of(id);
    let original = all.iter().find(|run| run.id == id).and_then(|run| run.rerun_of);
    let (first, others) = match original {
        Some(original) if repeats.is_empty() => (original, repeats_of(original)),
        _ => (id, repeats),
    };
    let mut found = vec![first];
    // The newest came first.
    found.extend(others.into_iter().rev());
    let mut with_results = Vec::new();
    for run in found {
        let is_there = runs::get(conn, run).await?.is_some();
        if is_there && !find::report(conn, run).await?.results.is_empty() {
            with_results.push(run);
        }
    }
    Ok(with_results)
}

/// Shows how much repeats vary.
///
/// # Errors
/// Exit 1 when a run is missing, or there is only one.
pub(super) async fn show_variance(args: &VarianceArgs, context: &Context, database: &Database) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    let side = side(&mut conn, &args.runs, args.runs.len() == 1).await?;
    print_variance(&side, context)
}

/// Prints how much the runs of these ids vary.
pub(super) async fn variance_of(database: &Database, ids: &[RunId], context: &Context) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    print_variance(&read(&mut conn, ids).await?, context)
}

fn print_variance(side: &Side, context: &Context) -> CliResult {
    if side.len() < 2 {
        return Err(CliError::failed("there is one run with results, and it takes two to vary")
            .hint("dria-bench run --repeat 5, or give several runs"));
    }
    let (rows, differences) = (variance(side), repeat_differences(side));
    if context.output.json {
        context.output.json(
            &serde_json::json!({ "runs": side.len(), "not_comparable": differences, "variance": rows }),
        );
    } else {
        context.output.data(variance_in_words(&rows, side.len()));
        if !differences.is_empty() {
            context.output.note(format!("these are not repeats: they differ in {}", named(&differences)));
        }
    }
    Ok(Exit::Done)
}

fn named(differences: &[Difference]) -> String {
    let named: Vec<String> = differences
        .iter()
        .map(|difference| format!("{} ({} / {})", difference.field, difference.a, difference.b))
        .collect();
    named.join(", ")
}

fn in_words(comparison: &Comparison) -> String {
    let rows = comparison.comparisons.iter().map(|compared| {
        let finding = &compared.finding;
        let [a, b] = finding.centre;
        [
            compared.level.clone(),
            compared.quantity.in_words().to_owned(),
            number(a),
            number(b),
            with_interval(finding.difference, finding.ci95),
            compared.relative.map_or_else(|| "-".to_owned(), percent),
            p_value(compared.p_corrected),
            verdict(compared).to_owned(),
        ]
    });
    let header = ["benchmark", "of", "A", "B", "B − A [95 % CI]", "B − A", "p", ""];
    let mut parts = vec![table(header, rows).trim_end().to_owned()];
    if !comparison.not_comparable.is_empty() {
        parts.push(format!("not comparable: differs in {}", named(&comparison.not_comparable)));
    }
    if !comparison.unmatched.is_empty() {
        parts.push(format!("not compared: {}", comparison.unmatched.join(", ")));
    }
    let differ = comparison.comparisons.iter().filter(|compared| compared.differs).count();
    parts.push(format!(
        "{differ} of {} differ at {} %, p-values corrected for their number (Holm). {}",
        comparison.comparisons.len(),
        comparison.alpha * 100.0,
        match comparison.unit {
            Unit::Request =>
                "One run a side: that two runs of the same set-up differ too is not in these intervals; \
                 dria-bench run --repeat N, and then compare --repeats, takes it in.",
            Unit::Run => "Each run is one sample, by its median (throughput: its rate).",
        }
    ));
    parts.join("\n\n")
}

fn verdict(compared: &Compared) -> &'static str {
    match (compared.differs, compared.finding.difference > 0.0) {
        (false, _) => "no difference shown",
        (true, true) => "B is higher",
        (true, false) => "B is lower",
    }
}

fn with_interval(value: f64, interval: Option<[f64; 2]>) -> String {
    match interval {
        Some([low, high]) => format!("{} [{}, {}]", number(value), number(low), number(high)),
        None => number(value),
    }
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

fn p_value(p: f64) -> String {
    if p < 0.000_1 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn variance_in_words(rows: &[Variance], runs: usize) -> String {
    let rows = rows.iter().map(|row| {
        [
            row.level.clone(),
            row.quantity.in_words().to_owned(),
            row.runs.to_string(),
            with_interval(row.mean, row.ci95),
            number(row.stddev),
            row.variation.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0)),
            number(row.min),
            number(row.max),
        ]
    });
    let header = ["benchmark", "of", "runs", "mean [95 % CI]", "std dev", "÷ mean", "min", "max"];
    format!(
        "{}\n\n{runs} runs; each is one sample, by its median (throughput: its rate)",
        table(header, rows).trim_end()
    )
}
