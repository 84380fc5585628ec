//! The assistant: answers questions about results and prices by looking them up, and states no number that it didn't find.
//!
//! ```text
//! ask ─► budget ─► turn ─► model (any OpenAI-compatible server)
//!                   │  ▲
//!                   ▼  │ data
//!                 tools ─► store, report, domain (read only)
//!                   │
//!                   ▼
//!                 verify ─► events ─► who listens; then the log, its cost and its outbox row in one transaction
//! ```
//!
//! It must not know HTTP paths, sessions or terminals. It is the only room that names `async-openai`.

mod budget;
mod error;
mod meter;
mod model;
mod prompt;
mod tools;
mod topic;
mod turn;
mod verify;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::sync::mpsc::{self, Receiver, Sender};
use uuid::Uuid;

pub use error::Error;
pub use prompt::Earlier;
pub use turn::LookUp;
pub use verify::Source;

use budget::{AtOnce, Place};
use meter::Meter;
use model::Model;
use tools::Places;
use turn::{Turn, Written};

use crate::{
    config,
    domain::catalog::Catalog,
    store::{
        assistant_spend,
        chat_logs::{self, NewChatLog},
        conversations,
        outbox::{self, Aggregate},
    },
};

/// Most characters of a question.
pub const LONGEST_QUESTION: usize = 2_000;
/// Events that may wait for a slow listener.
const WAITING: usize = 64;
/// Characters of a conversation's title.
const TITLE: usize = 80;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// Somebody who signed in: what they ask is logged, and counts for their day.
    Person {
        /// Their GitHub id.
        github_id: i64,
        /// Their name.
        username: String,
        /// Their picture.
        avatar_url: Option<String>,
    },
    /// The command line of this deployment: nothing is logged, and it counts for everybody's day alone.
    CommandLine,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked, 1 to [`LONGEST_QUESTION`] characters.
    pub text: String,
    /// The published run it is asked about.
    pub pod_id: Option<String>,
    /// Who asks.
    pub asker: Asker,
    /// The conversation it belongs to.
    pub conversation: Option<Uuid>,
    /// What was said in it before, oldest first.
    pub earlier: Vec<Earlier>,
}

/// What happens while a question is answered. The last one is `Done` or `Failed`.
#[derive(Debug)]
pub enum Event {
    /// Something was looked up.
    LookUp(LookUp),
    /// The answer goes on.
    Content(String),
    /// It is whole, and logged.
    Done(Answer),
    /// It won't be.
    Failed(Error),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Markdown. Every number has a link to where it was found, or is marked.
    pub text: String,
    /// Where numbers were found, as the text numbers them.
    pub sources: Vec<Source>,
    /// What was looked up.
    pub look_ups: Vec<LookUp>,
    /// Numbers that were not found, and are marked.
    pub not_ours: usize,
    /// Its log's id, 24 hexadecimal digits; `None`: it isn't logged.
    pub log_id: Option<String>,
    /// When it was whole.
    pub at: DateTime<Utc>,
    /// Tokens that were read for it.
    pub prompt_tokens: u64,
    /// Tokens that were written for it.
    pub completion_tokens: u64,
}

/// The assistant of a process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Assistant {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    model: Model,
    settings: config::Assistant,
    catalog: Catalog,
    pool: PgPool,
    at_once: Arc<AtOnce>,
}

impl Assistant {
    /// The assistant of the settings; `None`: no key is set, so there is none.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn new(settings: &config::Assistant, pool: PgPool) -> Result<Option<Self>, Error> {
        let Some(model) = Model::of(settings)? else { return Ok(None) };
        let catalog = Catalog::embedded().map_err(|error| Error::Settings(error.to_string()))?;
        let shared = Shared {
            model,
            settings: settings.clone(),
            catalog,
            pool,
            at_once: AtOnce::new(settings.questions_at_once),
        };
        Ok(Some(Self { shared: Arc::new(shared) }))
    }

    /// Answers a question. Who drops the receiver ends it: the model's server is left at once, and what it took until then
    /// counts.
    ///
    /// # Errors
    /// When the question is none, its run isn't there, or the day or the places of who asks are used up: nothing was
    /// asked then.
    pub async fn ask(&self, question: Question) -> Result<Receiver<Event>, Error> {
        let characters = question.text.chars().count();
        if question.text.trim().is_empty() || characters > LONGEST_QUESTION {
            return Err(Error::Question { given: characters, most: LONGEST_QUESTION });
        }
        let place = AtOnce::enter(&self.shared.at_once, question.asker.counted_as())?;
        let mut conn = self.shared.pool.acquire().await?;
        budget::check(&mut conn, &question.asker, &self.shared.settings).await?;
        let run = match &question.pod_id {
            Some(id) => {
                let run = tools::the_run(&mut conn, id).await?;
                Some(run.ok_or_else(|| Error::UnknownRun(id.clone()))?)
            }
            None => None,
        };
        drop(conn);
        let (events, heard) = mpsc::channel(WAITING);
        tokio::spawn(answer(Arc::clone(&self.shared), question, run, events, place));
        Ok(heard)
    }
}

impl Asker {
    /// Whose day it counts for; 0: nobody's.
    const fn counted_as(&self) -> i64 {
        match self {
            Self::Person { github_id, .. } => *github_id,
            Self::CommandLine => 0,
        }
    }
}

/// Answers, logs, counts.
async fn answer(
    shared: Arc<Shared>,
    question: Question,
    run: Option<Value>,
    events: Sender<Event>,
    _place: Place,
) {
    let within: Duration = shared.settings.timeout;
    let turn = Turn {
        model: &shared.model,
        settings: &shared.settings,
        places: Places { pool: &shared.pool, catalog: &shared.catalog },
        events: &events,
        deadline: Instant::now() + within,
    };
    let mut meter = Meter::default();
    let written = tokio::select! {
        biased;
        () = events.closed() => None,
        written = tokio::time::timeout(within, turn.write(&question, run.as_ref(), &mut meter)) => {
            Some(written.unwrap_or(Err(Error::TooSlow(within.as_secs()))))
        }
    };
    meter.settle();
    let written = match written {
        Some(Ok(written)) => Some(written),
        Some(Err(error)) => {
            tracing::warn!(%error, "a question is not answered");
            record(&shared, &question, None, &meter).await;
            let _ = events.send(Event::Failed(error)).await;
            return;
        }
        None => None,
    };
    let Some(written) = written else {
        tracing::debug!("nobody listens to an answer any more");
        record(&shared, &question, None, &meter).await;
        return;
    };
    let logged = log(&shared, &question, Some(&written), &meter).await;
    let last = match logged {
        Ok((log_id, at)) => Event::Done(Answer {
            text: written.text,
            sources: written.sources,
            look_ups: written.look_ups,
            not_ours: written.not_ours,
            log_id,
            at,
            prompt_tokens: meter.prompt_tokens,
            completion_tokens: meter.completion_tokens,
        }),
        Err(error) => {
            tracing::error!(%error, "an answer can't be logged");
            Event::Failed(error)
        }
    };
    let _ = events.send(last).await;
}

/// Counts what a question took that has no answer.
async fn record(shared: &Shared, question: &Question, written: Option<&Written>, meter: &Meter) {
    if let Err(error) = log(shared, question, written, meter).await {
        tracing::error!(%error, "what a question took can't be counted");
    }
}

/// The log, its outbox row and what the answer took, in one transaction. The log's id, and when that was.
async fn log(
    shared: &Shared,
    question: &Question,
    written: Option<&Written>,
    meter: &Meter,
) -> Result<(Option<String>, DateTime<Utc>), Error> {
    let mut transaction = shared.pool.begin().await?;
    let mut logged = (None, crate::clock::now());
    if let (Asker::Person { github_id, username, avatar_url }, Some(written)) = (&question.asker, written) {
        // A conversation that was deleted meanwhile keeps no answer.
        let is_there = match question.conversation {
            Some(id) => {
                let title: String = question.text.trim().chars().take(TITLE).collect();
                conversations::touch(&mut transaction, id, &title).await?
            }
            None => true,
        };
        if is_there {
            let (id, at) = chat_logs::insert(
                &mut transaction,
                &NewChatLog {
                    conversation: question.conversation,
                    pod_id: question.pod_id.as_deref(),
                    github_id: *github_id,
                    username,
                    user_avatar: avatar_url.as_deref(),
                    user_message: &question.text,
                    ai_response: &written.text,
                    tool_calls: &json!(written.look_ups),
                    model: shared.model.name(),
                    prompt_tokens: i32::try_from(meter.prompt_tokens).unwrap_or(i32::MAX),
                    completion_tokens: i32::try_from(meter.completion_tokens).unwrap_or(i32::MAX),
                },
            )
            .await?;
            outbox::append(&mut transaction, Aggregate::ChatLog, &id, 1).await?;
            logged = (Some(id), at);
        }
    }
    if meter.tokens() > 0 {
        assistant_spend::add(
            &mut transaction,
            question.asker.counted_as(),
            i64::try_from(meter.prompt_tokens).unwrap_or(i64::MAX),
            i64::try_from(meter.completion_tokens).unwrap_or(i64::MAX),
            meter.usd(&shared.settings),
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(logged)
}

/// Deletes a log that its owner, or an administrator, wants gone, and has its copy follow.
///
/// # Errors
/// When the database fails.
pub async fn forget(conn: &mut sqlx::PgConnection, log_id: &str) -> Result<bool, Error> {
    let there = chat_logs::delete(conn, log_id).await?;
    if there {
        outbox::append(conn, Aggregate::ChatLog, log_id, 2).await?;
    }
    Ok(there)
}

/// Deletes a conversation of this person with all that was said in it, and has the copies follow. `false`: they have none
/// of this id.
///
/// # Errors
/// When the database fails.
pub async fn forget_conversation(
    conn: &mut sqlx::PgConnection,
    id: Uuid,
    github_id: i64,
) -> Result<bool, Error> {
    let Some(said) = conversations::delete(conn, id, github_id).await? else { return Ok(false) };
    for log_id in said {
        outbox::append(conn, Aggregate::ChatLog, &log_id, 2).await?;
    }
    Ok(true)
}
