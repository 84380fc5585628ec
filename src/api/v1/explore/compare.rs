//! `GET /api/v1/compare`: two to six runs beside one of them.

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{find, list::RunFacts};
use crate::{
    api::{
        app::App,
        error::{Error, Problem},
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::explore::Listed,
    report::{
        beside::{Beside, Side, beside},
        comparison::{ComparedLevel, StoredLevel, stored},
    },
    store::{
        data_versions::Scope,
        explorer::{self, LevelFilter},
    },
};

/// The most runs beside each other.
const MOST: usize = 6;

/// Runs beside each other.
#[derive(Serialize, ToSchema)]
struct Compared {
    /// The run that the others are compared with.
    baseline: String,
    /// In the order asked for.
    runs: Vec<RunFacts>,
    #[serde(flatten)]
    beside: Beside,
}

/// Two to six runs beside one of them: by how much they differ, whether by more than chance, and whether they compare fairly
///
/// Differences are tested from the samples of both runs where they were measured here. Of imported runs no spread is known, and
/// that is said.
#[utoipa::path(
    get, path = "/compare", tag = "results", operation_id = "compare_runs",
    params(
        ("run" = Vec<String>, Query, description = "A run, by its `pod_id` or its id; given 2 to 6 times, or once with commas"),
        ("baseline" = Option<String>, Query, description = "The one of them that the others are compared with; default: the first"),
    ),
    responses(
        (status = 200, body = Compared),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "One of them isn't there"),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn compare(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let given: Vec<String> = parameters.take_all("run");
    let mut asked: Vec<&str> = Vec::new();
    for id in given.iter().flat_map(|ids| ids.split(',')).map(str::trim).filter(|id| !id.is_empty()) {
        if !asked.contains(&id) {
            asked.push(id);
        }
    }
    if !(2..=MOST).contains(&asked.len()) {
        parameters.refuse("run", format!("must name 2 to {MOST} different runs"));
    }
    let named: Option<String> = parameters.take("baseline");
    let baseline = named.as_deref().map_or(Some(0), |named| asked.iter().position(|id| *id == named));
    if baseline.is_none() {
        parameters.refuse("baseline", "must be one of the runs".to_owned());
    }
    parameters.finish()?;
    let baseline = baseline.unwrap_or_default();
    let read = public.read(&app, &[Scope::Results], format!("compare {asked:?} {baseline}")).await?;
    let version = read.version().clone();
    let make = async {
        let index = app.explorer.index(&app.pool, &version).await?;
        let runs = asked.iter().map(|id| find(&index, id)).collect::<Result<Vec<&Listed>, Error>>()?;
        let facts: Vec<RunFacts> = runs.iter().map(|run| (*run).into()).collect();
        let sides = sides(&app, &runs).await?;
        // Samples are decoded and tested here: not on a thread that answers others.
        let compared = tokio::task::spawn_blocking(move || {
            let sides: Vec<Side> = sides.into_iter().map(Unread::read).collect();
            let id = sides.get(baseline).map(|side| side.run.id.clone())?;
            Some((id, beside(&sides, baseline)?))
        });
        let compared = compared.await.map_err(|error| Error::Internal(error.to_string()))?;
        let (baseline, beside) =
            compared.ok_or_else(|| Error::Internal("there is no baseline".to_owned()))?;
        Ok(Compared { baseline, runs: facts, beside })
    };
    read.json(&app, make).await
}

/// A side as it is stored.
struct Unread {
    side: Side,
    levels: Option<Vec<StoredLevel>>,
}

impl Unread {
    fn read(self) -> Side {
        let measured = self.levels.map(|levels| levels.into_iter().map(ComparedLevel::of).collect());
        Side { measured, ..self.side }
    }
}

async fn sides(app: &App, runs: &[&Listed]) -> Result<Vec<Unread>, Error> {
    let mut conn = app.pool.acquire().await?;
    let pods: Vec<String> = runs.iter().filter_map(|run| run.pod_id.clone()).collect();
    let levels = explorer::levels(&mut conn, &pods, LevelFilter::default()).await?;
    let setups = explorer::setups(&mut conn, &pods).await?;
    let mut sides = Vec::new();
    for run in runs {
        let of_run = levels.iter().filter(|level| Some(&level.pod_id) == run.pod_id.as_ref());
        let setup =
            setups.iter().find(|(pod, _)| Some(pod) == run.pod_id.as_ref()).map(|(_, setup)| setup.clone());
        let stored = match run.run {
            Some(id) => Some(stored(&mut conn, id).await?).filter(|levels| !levels.is_empty()),
            None => None,
        };
        let published = of_run.map(|level| level.columns.clone()).collect();
        let side = Side { run: (*run).clone(), setup, published, measured: None };
        sides.push(Unread { side, levels: stored });
    }
    Ok(sides)
}
