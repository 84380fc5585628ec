//! `GET /api/v1/runs/{id}/events`: what happens to a run, as server-sent events that can be taken up again anywhere.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Sse, KeepAlive, Sse as Stream},
    },
};
use futures::stream::unfold;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{
        app::App,
        auth::Reader,
        caller::Caller,
        error::{BadParameter, Error, Problem},
        feed::Word,
        parameters::{After, Parameters, RunParameter},
        redact,
        refusals::{BadParameters, BadToken},
        streams::Place,
    },
    domain::ids::RunId,
    store::{self, events, events::Event, runs},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often a comment shows that the stream is alive; as often the table is read, whatever was heard.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How a run's end is called.
const END: &str = "run_finished";

/// Follow a run
///
/// Server-sent events: `id` is the event's, `data` the event as JSON. It begins after the event of `Last-Event-ID` or `after`,
/// else with the first, and ends after the run's end. A comment every 15 s keeps it open.
#[utoipa::path(
    get, path = "/runs/{id}/events", tag = "runs", security((), ("token" = [])),
    params(
        ("id" = RunId, Path, description = "The run"),
        ("after" = Option<i64>, Query, description = "Begin after this event", minimum = 0),
        ("Last-Event-ID" = Option<i64>, Header, description = "The same, as browsers send it; goes before `after`"),
    ),
    responses(
        (status = 200, description = "Each `data` is one event", body = Event, content_type = "text/event-stream"),
        (status = 204, description = "The run is over and has no event after this one: don't ask again"),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
        (status = 429, body = Problem, content_type = "application/problem+json",
         description = "This address follows as many runs as it may"),
    )
)]
pub(super) async fn follow(
    State(app): State<App>,
    caller: Caller,
    reader: Reader,
    RunParameter(run): RunParameter,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let After(after) = parameters.take("after").unwrap_or_default();
    parameters.finish()?;
    let after = last_event_id(&headers)?.unwrap_or(after);
    let mut conn = app.pool.acquire().await?;
    runs::get(&mut conn, run).await?.ok_or(Error::UnknownRun(run))?;
    drop(conn);
    let place = app.streams.enter(caller.address).ok_or(Error::TooManyStreams(app.streams.most()))?;
    // Word first, then the table: what is committed in between is both heard of and read.
    let word = app.feed.follow(run).await?;
    let mut follower = Follower {
        app,
        run,
        after,
        sees_all: reader.sees_all(),
        read: VecDeque::new(),
        over: false,
        word,
        _place: place,
    };
    follower.read().await?;
    if follower.over && follower.read.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let stopping: CancellationToken = follower.app.stopping.clone();
    let events = unfold(follower, async |mut follower| Some((follower.next().await?, follower)));
    let events = futures::StreamExt::take_until(events, stopping.cancelled_owned());
    Ok(Stream::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// What a browser sends when it takes a stream up again.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(sent) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    match sent.to_str().unwrap_or_default().parse() {
        Ok(After(after)) => Ok(Some(after)),
        Err(message) => Err(Error::Parameters(vec![BadParameter {
            parameter: "Last-Event-ID".to_owned(),
            message: String::from(message),
        }])),
    }
}

/// One who follows a run.
struct Follower {
    app: App,
    run: RunId,
    /// The last event that was read.
    after: i64,
    sees_all: bool,
    /// Those that were read and not sent yet.
    read: VecDeque<Event>,
    /// Nothing comes after those.
    over: bool,
    word: Word,
    _place: Place,
}

impl Follower {
    /// The next event; `None`: the run is over, or the database is gone, and the client may take it up again.
    async fn next(&mut self) -> Option<Result<Sse, Infallible>> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(Ok(self.write(event)));
            }
            if self.over {
                return None;
            }
            // Word may be lost with the session that listens; the table never is.
            let _ = tokio::time::timeout(HEARTBEAT, self.word.of_more()).await;
            if let Err(error) = self.read().await {
                tracing::warn!(%error, run = %self.run, "a stream of events ends early");
                return None;
            }
        }
    }

    async fn read(&mut self) -> Result<(), store::Error> {
        let mut conn = self.app.pool.acquire().await?;
        // The state first: of a run that is over now, all its events are there to be read.
        let run = runs::get(&mut conn, self.run).await?;
        let events = events::after(&mut conn, self.run, self.after).await?;
        if let Some(last) = events.last() {
            self.after = last.id;
        }
        let is_over = run.is_none_or(|run| run.status.is_terminal());
        self.over = is_over && events.last().is_none_or(|last| last.kind == END);
        self.read.extend(events);
        Ok(())
    }

    fn write(&self, mut event: Event) -> Sse {
        if !self.sees_all {
            redact::event(&mut event);
        }
        let id = event.id.to_string();
        Sse::default().id(id).data(serde_json::to_string(&event).unwrap_or_default())
    }
}
