//! `GET /api/v1/results?format=csv|parquet`: every result of the runs that a search means, as a file that is written while it is
//! sent.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use sqlx::PgPool;

use super::query::query;
use crate::{
    api::{
        app::App,
        error::{BadParameter, Error},
        parameters::Parameters,
        public::Public,
        v1::results::{Kind, Streams},
    },
    domain::explore::Listed,
    report::export::{self, Export, ExportFormat},
    store::{
        data_versions::Scope,
        explorer::{self, LevelFilter},
    },
};
/// The most runs of a file; ten times as many rows, about.
pub(in crate::api::v1) const MOST_RUNS: usize = 20_000;
/// Runs of a part.
const PART: usize = 250;

/// Why a file ends before it is complete.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Export(#[from] export::Error),
    #[error("{0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What is still to be written.
struct Rest {
    pool: PgPool,
    filter: LevelFilter,
    export: Export,
    /// The last is the next.
    runs: Vec<Listed>,
}

/// Answers with the file.
pub(in crate::api::v1) async fn export(
    app: &App,
    public: Public,
    mut parameters: Parameters,
    format: ExportFormat,
) -> Result<Response, Error> {
    let query = query(&mut parameters);
    let filter = LevelFilter {
        benchmark_type: parameters.take("benchmark_type").map(|Kind(kind)| kind),
        rate: parameters.take("rate").map(|Streams(streams)| streams),
    };
    parameters.finish()?;
    let key = format!("export {query:?} {filter:?} {format:?}");
    let read = public.read(app, &[Scope::Results], key).await?;
    if let Some(unchanged) = read.unchanged() {
        return Ok(unchanged);
    }
    let index = app.explorer.index(&app.pool, read.version()).await?;
    let found = index.find(&query);
    if found.len() > MOST_RUNS {
        let message =
            format!("are needed: {} runs are meant, and a file holds at most {MOST_RUNS}", found.len());
        return Err(Error::Parameters(vec![BadParameter { parameter: "filters".to_owned(), message }]));
    }
    let mut runs: Vec<Listed> = index.runs(&found).cloned().collect();
    runs.sort_by(|a, b| (a.measured_at, &a.id).cmp(&(b.measured_at, &b.id)));
    let export = Export::new(format).map_err(|error| Error::Internal(error.to_string()))?;
    let rest = Rest { pool: app.pool.clone(), filter, export, runs };
    let body = Body::from_stream(stream::try_unfold(Some(rest), next));
    let name = match format {
        ExportFormat::Csv => "attachment; filename=\"dria-bench-results.csv\"",
        ExportFormat::Parquet => "attachment; filename=\"dria-bench-results.parquet\"",
    };
    Ok(read.file(format.content_type(), name, body))
}

/// The next part, and what is left behind it.
async fn next(rest: Option<Rest>) -> Result<Option<(Bytes, Option<Rest>)>, Broken> {
    let Some(mut rest) = rest else { return Ok(None) };
    if rest.runs.is_empty() {
        return Ok(Some((Bytes::from(rest.export.end()?), None)));
    }
    let mut runs = rest.runs.split_off(rest.runs.len().saturating_sub(PART));
    runs.reverse();
    let pods: Vec<String> = runs.iter().filter_map(|run| run.pod_id.clone()).collect();
    let mut conn = rest.pool.acquire().await.map_err(crate::store::Error::from)?;
    let levels = explorer::levels(&mut conn, &pods, rest.filter).await?;
    drop(conn);
    // Compressing takes a while: not on a thread that answers others.
    let (part, rest) = tokio::task::spawn_blocking(move || {
        let part = rest.export.part(&runs, &levels);
        (part, rest)
    })
    .await?;
    Ok(Some((Bytes::from(part?), Some(rest))))
}
