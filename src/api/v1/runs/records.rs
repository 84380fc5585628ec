//! `/api/v1/runs/{id}/results/{level}/records`: the raw records of one level, as a download.

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{Uri, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{
    api::{
        app::Pool,
        error::{BadParameter, Error, Problem},
        parameters::{Parameters, RunParameter},
        refusals::BadParameters,
    },
    domain::ids::RunId,
    report::records::{self, Level, RecordFormat},
    store::runs,
};

/// The `{id}` and `{level}` of the path.
pub(super) struct LevelOfRun(RunParameter, Level);

impl<S: Send + Sync> FromRequestParts<S> for LevelOfRun {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let bad =
            |parameter: &str, message: String| BadParameter { parameter: parameter.to_owned(), message };
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((run, level)) =
            path.map_err(|error| Error::Parameters(vec![bad("level", error.body_text())]))?;
        match (run.parse::<RunParameter>(), level.parse::<Level>()) {
            (Ok(run), Ok(level)) => Ok(Self(run, level)),
            (run, level) => {
                let run = run.err().map(|error| bad("id", error.to_string()));
                let level = level.err().map(|error| bad("level", error.to_owned()));
                Err(Error::Parameters(run.into_iter().chain(level).collect()))
            }
        }
    }
}

/// The raw records of one level, as a download
#[utoipa::path(
    get, path = "/runs/{id}/results/{level}/records", tag = "results",
    params(
        ("id" = RunId, Path, description = "The run"),
        ("level" = String, Path, description = "`throughput`, or `concurrency:3`"),
        ("format" = Option<String>, Query, description = "`jsonl` (default), `csv`, `parquet` or `raw`"),
    ),
    responses(
        (status = 200, description = "A file, in the form that was asked for",
         content((String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"),
                 (Vec<u8> = "application/octet-stream"))),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "No such run, or it has no records of this level"),
        BadParameters,
    )
)]
pub(super) async fn download(
    State(pool): Pool,
    LevelOfRun(RunParameter(id), level): LevelOfRun,
    uri: Uri,
) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let format: RecordFormat = parameters.take("format").unwrap_or_default();
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    let Some(block) = records::block(&mut conn, id, level).await? else {
        let known = runs::get(&mut conn, id).await?.is_some();
        return Err(if known { Error::NoRecords(id, level) } else { Error::UnknownRun(id) });
    };
    drop(conn);
    // Millions of numbers take a while: not on a thread that answers others.
    let written = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        records::write_block(&block, format, &mut bytes).map(|()| bytes)
    });
    let bytes = written
        .await
        .map_err(|error| Error::Records(error.to_string()))?
        .map_err(|error| Error::Records(error.to_string()))?;
    let file = format!("attachment; filename=\"{}\"", level.file_name(id, format));
    let headers =
        [(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_DISPOSITION, file)];
    Ok((headers, bytes).into_response())
}
