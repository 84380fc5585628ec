//! What succeeded runs measured of a model on an engine, as predictions read it: setups by the catalog's names, and only
//! what has all its figures.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, history::RUNS};
use crate::domain::{
    catalog::Catalog, kinds::EngineKind, recommend::HistoryPoint, roofline::Work, sizing::Precision,
};

/// The levels that the newest succeeded runs measured of a model, by any of its ids, on an engine; newest first.
///
/// # Errors
/// When the database fails.
pub async fn points(
    conn: &mut PgConnection,
    catalog: &Catalog,
    engine: EngineKind,
    model_ids: &[String],
) -> Result<Vec<HistoryPoint>, Error> {
    let levels = measured_levels(conn, engine, model_ids).await?;
    Ok(levels.into_iter().filter_map(|level| point(catalog, level)).collect())
}

/// One live result of a succeeded run, measured view. What wasn't known is `None`.
#[derive(Debug, Clone, PartialEq)]
struct MeasuredLevel {
    /// The GPU, in the words of the host that had it.
    gpu_id: String,
    /// How many; 0: a CPU.
    gpu_count: i32,
    /// Precision of the weights, as the engine said it.
    precision: Option<String>,
    /// Streams; `None`: saturated.
    streams: Option<i32>,
    /// Mean prompt, tokens.
    prompt_tokens: Option<f64>,
    /// Mean answer, tokens.
    output_tokens: Option<f64>,
    /// Output tokens a second.
    output_tokens_per_second: Option<f64>,
    /// Median time to the first token, ms.
    ttft_ms: Option<f64>,
    /// Mean time between tokens, ms.
    itl_ms: Option<f64>,
    /// When its run ended.
    finished_at: DateTime<Utc>,
}

/// The levels of the newest succeeded runs; newest first.
async fn measured_levels(
    conn: &mut PgConnection,
    engine: EngineKind,
    model_ids: &[String],
) -> Result<Vec<MeasuredLevel>, Error> {
    Ok(sqlx::query_as!(
        MeasuredLevel,
        r#"select result.comparability ->> 'gpu_id' as "gpu_id!",
                  (result.comparability ->> 'gpu_count')::int as "gpu_count!",
                  result.comparability ->> 'precision' as "precision?",
                  result.rate as "streams?",
                  (result.summary #>> '{measured,prompt_token_count}')::double precision as "prompt_tokens?",
                  (result.summary #>> '{measured,output_token_count}')::double precision as "output_tokens?",
                  (result.summary #>> '{measured,output_tokens_per_second}')::double precision
                    as "output_tokens_per_second?",
                  (result.summary #>> '{measured,percentiles,time_to_first_token_ms,p50}')::double precision
                    as "ttft_ms?",
                  (result.summary #>> '{measured,inter_token_latency_ms}')::double precision as "itl_ms?",
                  run.finished_at as "finished_at!"
           from (select id, finished_at from workflow_runs
                 where engine = $1 and model = any($2) and status = 'succeeded'
                 order by finished_at desc limit $3) run
           join benchmark_results result on result.run_id = run.id and result.superseded_at is null
           where result.comparability is not null
           order by run.finished_at desc, result.id"#,
        engine.as_str(),
        model_ids,
        RUNS
    )
    .fetch_all(conn)
    .await?)
}

/// A level as a point; `None` where a GPU or a precision isn't known here, or a figure is missing.
fn point(catalog: &Catalog, level: MeasuredLevel) -> Option<HistoryPoint> {
    // A quantisation of another size must not pass for the model's own.
    let precision: Option<Precision> = match level.precision {
        Some(name) => Some(name.parse().ok()?),
        None => None,
    };
    Some(HistoryPoint {
        gpu: catalog.gpu(&level.gpu_id).ok()?.id.clone(),
        count: u32::try_from(level.gpu_count).ok().filter(|count| *count > 0)?,
        precision,
        streams: level.streams.and_then(|streams| u32::try_from(streams).ok()),
        work: Work { prompt_tokens: level.prompt_tokens?, output_tokens: level.output_tokens? },
        output_tokens_per_second: level.output_tokens_per_second?,
        ttft_ms: level.ttft_ms,
        itl_ms: level.itl_ms,
        at: level.finished_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level() -> MeasuredLevel {
        MeasuredLevel {
            gpu_id: "NVIDIA L40S".to_owned(),
            gpu_count: 2,
            precision: Some("bfloat16".to_owned()),
            streams: Some(4),
            prompt_tokens: Some(100.0),
            output_tokens: Some(200.0),
            output_tokens_per_second: Some(300.0),
            ttft_ms: None,
            itl_ms: Some(12.0),
            finished_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_level_is_a_point_only_where_its_setup_is_known_and_its_figures_are_there() {
        let catalog = Catalog::embedded().unwrap();
        let read = |level| point(&catalog, level);
        let found = read(level()).unwrap();
        assert_eq!(
            (found.gpu.as_str(), found.count, found.precision),
            ("NVIDIA L40S", 2, Some(Precision::Bf16))
        );
        assert_eq!(read(MeasuredLevel { precision: None, ..level() }).unwrap().precision, None);
        for unknown in [
            MeasuredLevel { gpu_id: "CPU test".to_owned(), ..level() },
            MeasuredLevel { gpu_count: 0, ..level() },
            MeasuredLevel { precision: Some("Q4_0".to_owned()), ..level() },
            MeasuredLevel { output_tokens_per_second: None, ..level() },
            MeasuredLevel { prompt_tokens: None, ..level() },
        ] {
            assert_eq!(read(unknown.clone()), None, "{unknown:?}");
        }
    }
}
