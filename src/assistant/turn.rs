//! One answer: the model and the tools by turns, until it has written all, a bound is reached, or nobody listens.

use std::{pin::pin, time::Instant};

use async_openai::types::chat::{ChatCompletionRequestMessage, ChatCompletionTools};
use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{
    Error, Event, Question,
    meter::Meter,
    model::{Call, Calls, Model, Request},
    prompt,
    tools::{self, Places},
    topic,
    verify::{Evidence, Gate, Source},
};
use crate::config;

/// Most bytes of an answer; what goes on beyond is cut off.
const LONGEST_ANSWER: usize = 16 * 1024;
const CUT: &str = "\n\n(The answer was cut off here: it is too long.)";
/// Said where the model has written nothing.
const NOTHING: &str = "I have no answer to that from our data.";

/// Something that was looked up.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LookUp {
    /// Which tool.
    pub name: String,
    /// What it was asked.
    pub arguments: Value,
    /// Where what it put out is shown on the site.
    pub links: Vec<String>,
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Written {
    /// Markdown; every number has its link, or is marked.
    pub(super) text: String,
    /// The pages that numbers came from, as the text numbers them.
    pub(super) sources: Vec<Source>,
    /// What was looked up.
    pub(super) look_ups: Vec<LookUp>,
    /// Numbers that no tool put out.
    pub(super) not_ours: usize,
}

/// What an answer is written with.
pub(super) struct Turn<'a> {
    pub(super) model: &'a Model,
    pub(super) settings: &'a config::Assistant,
    pub(super) places: Places<'a>,
    pub(super) events: &'a Sender<Event>,
    pub(super) deadline: Instant,
}

/// What one round came to.
struct Round {
    calls: Vec<Call>,
    text: String,
    is_cut: bool,
}

impl Turn<'_> {
    /// Writes the answer, and counts into `meter` what it takes, whatever becomes of it.
    pub(super) async fn write(
        &self,
        question: &Question,
        run: Option<&Value>,
        meter: &mut Meter,
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        if question.earlier.is_empty() && topic::is_off(&question.text) {
            topic::REFUSAL.clone_into(&mut written.text);
            self.say(topic::REFUSAL.to_owned()).await;
            return Ok(written);
        }
        let catalog = self.places.catalog;
        let gpus = catalog.gpus().iter().map(|gpu| gpu.display_name.as_str());
        let mut evidence =
            Evidence::new(gpus.chain(catalog.models().iter().map(|model| model.common_name.as_str())));
        evidence.ask(&question.text);
        if let Some(run) = run {
            evidence.add(run);
        }
        let tools = prompt::tools();
        let mut messages = prompt::begin(run, &question.earlier, &question.text);
        let mut gate = Gate::default();
        for round in 1..=self.settings.rounds {
            let may_call = round < self.settings.rounds;
            let before = written.text.len();
            let done =
                self.round(&messages, &tools, may_call, &evidence, &mut gate, &mut written, meter).await?;
            if done.is_cut || done.calls.is_empty() {
                break;
            }
            // What it says before it looks something up stands apart from what it says then.
            if written.text.len() > before {
                self.let_out("\n\n".to_owned(), &mut written).await;
            }
            messages.push(prompt::calls(&done.text, &done.calls));
            for call in done.calls {
                let found = self.look_up(&call, &mut written).await?;
                evidence.add(&found);
                messages.push(prompt::found(&call, &found));
            }
        }
        if written.text.trim().is_empty() {
            NOTHING.clone_into(&mut written.text);
            self.say(NOTHING.to_owned()).await;
        }
        written.sources = gate.citations().sources(&evidence);
        written.not_ours = gate.not_ours();
        Ok(written)
    }

    /// Asks the model once, and lets through what it writes.
    #[expect(clippy::too_many_arguments, reason = "the state of one answer, which nothing else has")]
    async fn round(
        &self,
        messages: &[ChatCompletionRequestMessage],
        tools: &[ChatCompletionTools],
        may_call: bool,
        evidence: &Evidence,
        gate: &mut Gate,
        written: &mut Written,
        meter: &mut Meter,
    ) -> Result<Round, Error> {
        if meter.tokens() >= u64::from(self.settings.tokens_per_answer) {
            return Err(Error::TooMuch(self.settings.tokens_per_answer));
        }
        meter.sent(serde_json::to_string(messages).map_or(0, |text| text.len()));
        let request = Request { messages, tools, may_call, deadline: self.deadline };
        let mut stream = pin!(self.model.ask(request).await?);
        let (mut calls, mut text, mut ended) = (Calls::default(), String::new(), None);
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            meter.came(piece.text.len());
            text.push_str(&piece.text);
            let shown = gate.push(&piece.text, evidence);
            self.let_out(shown, written).await;
            piece.calls.into_iter().for_each(|part| calls.add(part));
            ended = piece.end.or(ended);
            if let Some(usage) = piece.usage {
                meter.told(usage);
            }
            if text.len().max(written.text.len()) > LONGEST_ANSWER {
                ended = Some("length".to_owned());
                calls = Calls::default();
                break;
            }
        }
        meter.settle();
        let Some(ended) = ended else { return Err(Error::Broken("broke off".to_owned())) };
        let rest = gate.end(evidence);
        self.let_out(rest, written).await;
        let is_cut = ended == "length";
        if is_cut {
            self.let_out(CUT.to_owned(), written).await;
        }
        let calls = if may_call { calls.whole() } else { Vec::new() };
        Ok(Round { calls, text, is_cut })
    }

    /// Calls a tool. What it put out is data, an error included.
    async fn look_up(&self, call: &Call, written: &mut Written) -> Result<Value, Error> {
        let found = tools::call(self.places, &call.name, &call.arguments).await?;
        let known = tools::ALL.iter().any(|tool| tool.name() == call.name);
        let look_up = LookUp {
            name: if known { call.name.clone() } else { "unknown".to_owned() },
            arguments: serde_json::from_str(&call.arguments).unwrap_or(Value::Null),
            links: tools::links(&found),
        };
        let _ = self.events.send(Event::LookUp(look_up.clone())).await;
        written.look_ups.push(look_up);
        Ok(found)
    }

    async fn let_out(&self, shown: String, written: &mut Written) {
        if !shown.is_empty() {
            written.text.push_str(&shown);
            self.say(shown).await;
        }
    }

    /// Nobody listening is noticed elsewhere, and ends this.
    async fn say(&self, text: String) {
        let _ = self.events.send(Event::Content(text)).await;
    }
}
