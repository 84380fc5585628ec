//! `compare_runs`: two runs level by level, whether they differ and how sure that is, and whether they compare fairly.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{data, figure, maybe, name, object, path, read},
    results::{one, row, title},
};
use crate::{
    domain::ids::RunId,
    report::comparison::{self, Compared, Comparison, compare_runs},
    store::evidence::{self, Finding, Level},
};

/// Compares runs.
pub(super) struct CompareRuns;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    a: String,
    b: String,
}

#[async_trait]
impl Tool for CompareRuns {
    fn name(&self) -> &'static str {
        "compare_runs"
    }

    fn description(&self) -> &'static str {
        "Compare two runs: throughput, time to first token, gap between tokens and latency at every level; by how many \
         percent they differ, whether that is statistically significant, and whether the runs compare fairly."
    }

    fn parameters(&self) -> Value {
        let run = |which: &str| json!({ "type": "string", "description": format!("`run` of the {which} result, from search_results") });
        object(&[("a", run("first")), ("b", run("second"))])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let mut conn = places.pool.acquire().await?;
        let mut sides = Vec::with_capacity(2);
        for id in [asked.a, asked.b] {
            let id = name(Some(id))?.unwrap_or_default();
            let found = one(&mut conn, &id).await?.ok_or_else(|| {
                ToolError::Arguments("there is no such run: take `run` from search_results".to_owned())
            })?;
            sides.push(found);
        }
        let [a, b] = sides.as_slice() else { return Err(ToolError::Arguments("give two runs".to_owned())) };
        let mut out = json!({
            "link": path("/compare", &[("r", &format!("{},{}", a.pod_id, b.pod_id))]),
            "title": format!("{} against {}", title(a), title(b)),
            "a": row(a),
            "b": row(b),
        });
        if let (Some(run_a), Some(run_b)) = (a.run_id, b.run_id) {
            let levels_a = comparison::levels(&mut conn, RunId::from_uuid(run_a)).await?;
            let levels_b = comparison::levels(&mut conn, RunId::from_uuid(run_b)).await?;
            if let Some(compared) = compare_runs(&[levels_a], &[levels_b]) {
                measured(&mut out, &compared);
                return Ok(out);
            }
        }
        let (levels_a, levels_b) =
            (evidence::levels(&mut conn, &a.pod_id).await?, evidence::levels(&mut conn, &b.pod_id).await?);
        imported(&mut out, (a, &levels_a), (b, &levels_b));
        Ok(out)
    }
}

/// What was measured here has its samples, so the difference is tested.
fn measured(out: &mut Value, compared: &Comparison) {
    let unfair = compared.not_comparable.iter().map(
        |difference| json!({ "field": difference.field, "a": data(&difference.a), "b": data(&difference.b) }),
    );
    out["compares_fairly"] = json!(compared.not_comparable.is_empty());
    out["differs_in"] = unfair.collect();
    out["significance_level"] = json!(compared.alpha);
    out["levels"] = compared.comparisons.iter().map(level).collect();
    out["only_one_side_has"] = json!(compared.unmatched);
}

fn level(compared: &Compared) -> Value {
    let [a, b] = compared.finding.centre;
    json!({
        "level": compared.level,
        "of": compared.quantity.in_words(),
        "a": figure(a),
        "b": figure(b),
        "b_less_a": figure(compared.finding.difference),
        "b_against_a_percent": maybe(compared.relative.map(|share| share * 100.0)),
        "b_times_a": maybe(Some(b / a)),
        "p": figure(compared.p_corrected),
        "significant": compared.differs,
    })
}

/// What was imported has its means alone, so how sure a difference is can't be said.
fn imported(out: &mut Value, (a, levels_a): (&Finding, &[Level]), (b, levels_b): (&Finding, &[Level])) {
    let same_machine = a.gpu == b.gpu && a.gpu_count == b.gpu_count;
    let same_model = a.model == b.model && a.precision == b.precision;
    out["compares_fairly"] = if same_machine && same_model { Value::Null } else { json!(false) };
    out["significance"] = json!(
        "not known: at least one of the runs was imported without its samples, or is no longer stored; only means are here"
    );
    let pairs = levels_a.iter().filter_map(|level| {
        let same =
            |other: &&Level| (&other.benchmark_type, other.rate) == (&level.benchmark_type, level.rate);
        Some((level, levels_b.iter().find(same)?))
    });
    out["levels"] = pairs
        .flat_map(|(a, b)| {
            let level = a.rate.map_or_else(|| a.benchmark_type.clone(), |rate| format!("{} {rate}", a.benchmark_type));
            [
                ("output tokens/s", a.output_tokens_per_second, b.output_tokens_per_second),
                ("TTFT, ms", a.ttft_ms, b.ttft_ms),
                ("latency, s", a.request_latency_s, b.request_latency_s),
            ]
            .map(|(of, a, b)| {
                json!({
                    "level": level, "of": of, "a": figure(a), "b": figure(b),
                    "b_against_a_percent": maybe(Some((b / a - 1.0) * 100.0)), "b_times_a": maybe(Some(b / a)),
                })
            })
        })
        .collect();
}
