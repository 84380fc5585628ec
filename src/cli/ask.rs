//! `dria-bench ask`: a question to the assistant, answered in this process.

use serde_json::json;

use super::{CliError, CliResult, Context, Exit, database::Database};
use crate::assistant::{Answer, Asker, Assistant, Error, Event, Question};

/// Ask the assistant about results and prices
///
/// It looks things up in the database, and states no number that it didn't find there. It needs a model: OPENAI_API_KEY, and
/// OPENAI_BASE_URL and OPENAI_MODEL for another server than OpenAI's.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The question
    #[arg(value_name = "QUESTION")]
    question: String,
    /// A published run that it is about, by its public id
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

/// Asks, and shows the answer as it is written.
///
/// # Errors
/// Exit 1 where there is no answer, exit 3 where no model is set or the database can't be used, exit 5 where the day's budget
/// is used up.
pub async fn run(args: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = ask(args, &context, &database).await;
    database.close().await;
    outcome
}

async fn ask(args: Args, context: &Context, database: &Database) -> CliResult {
    let assistant = Assistant::new(&context.config.assistant, database.pool.clone())?;
    let assistant = assistant.ok_or(Error::NotConfigured)?;
    let question = Question {
        text: args.question,
        pod_id: args.run,
        asker: Asker::CommandLine,
        conversation: None,
        earlier: Vec::new(),
    };
    let mut heard = assistant.ask(question).await?;
    while let Some(event) = heard.recv().await {
        match event {
            Event::LookUp(look_up) => {
                context.output.note(format!("looked up: {} {}", look_up.name, look_up.arguments));
            }
            Event::Content(text) if !context.output.json => context.output.bytes(text.as_bytes()),
            Event::Content(_) => {}
            Event::Done(answer) => {
                show(&answer, context);
                return Ok(Exit::Done);
            }
            Event::Failed(error) => return Err(error.into()),
        }
    }
    Err(CliError::failed("the assistant ended without an answer"))
}

fn show(answer: &Answer, context: &Context) {
    if context.output.json {
        context.output.json(&json!({
            "answer": answer.text,
            "sources": answer.sources,
            "look_ups": answer.look_ups,
            "not_from_our_data": answer.not_ours,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }));
        return;
    }
    context.output.data("");
    for (number, source) in (1..).zip(&answer.sources) {
        context.output.note(format!("[{number}] {}: {}", source.link, source.title));
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::NotConfigured | Error::Settings(_) | Error::Store(_) => Exit::Environment,
            Error::PersonSpent { .. } | Error::AllSpent { .. } => Exit::Budget,
            Error::Question { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
