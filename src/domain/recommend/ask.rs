//! From what is asked to a [`Question`]: what isn't said is as usual, and what contradicts itself is refused. Commands and
//! requests ask by the same rules.

use rust_decimal::Decimal;

use super::{Goal, Load, Question};
use crate::domain::{
    kinds::EngineKind,
    roofline::Work,
    sizing::{Error, Precision, Room, Shape},
    spec::MAX_TOKENS,
};

/// The load that is asked about where nobody says.
#[derive(Debug, Clone, Copy)]
pub struct Usual {
    /// Tokens of a prompt.
    pub prompt_tokens: u32,
    /// Tokens of an answer.
    pub output_tokens: u32,
    /// Most requests in flight of a load without a number of streams.
    pub max_in_flight: u32,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The engine that would serve it.
    pub engine: EngineKind,
    /// What is wanted.
    pub goal: Goal,
    /// What there must be room for. Requests at once are the load too, where they are said.
    pub room: Room,
    /// Tokens of a prompt.
    pub prompt_tokens: Option<u32>,
    /// Tokens of an answer.
    pub output_tokens: Option<u32>,
    /// Most US dollars an hour for the whole machine.
    pub max_usd_per_hour: Option<Decimal>,
    /// Most ms to the first token.
    pub ttft_ms: Option<f64>,
    /// Most ms between tokens.
    pub itl_ms: Option<f64>,
}

impl Ask {
    /// The question about a model.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn question<'a>(&self, shape: &'a Shape, usual: Usual) -> Result<Question<'a>, Vec<Error>> {
        let prompt = self.prompt_tokens.unwrap_or(usual.prompt_tokens);
        let output = self.output_tokens.unwrap_or(usual.output_tokens);
        let sent = prompt.saturating_add(output);
        let mut options = self.room.options(shape, sent);
        options.precision = self.room.precision.unwrap_or_else(|| Precision::served_by(self.engine, shape));
        let load = match (self.room.concurrency, self.goal) {
            (Some(streams), _) => Load::Streams(streams),
            // A bound on times means nothing under a load that has none.
            (None, Goal::Slo) => Load::Streams(options.concurrency),
            (None, _) => Load::Saturated { max_in_flight: usual.max_in_flight },
        };
        let question = Question {
            shape,
            options,
            goal: self.goal,
            load,
            work: Work { prompt_tokens: f64::from(prompt), output_tokens: f64::from(output) },
            max_usd_per_hour: self.max_usd_per_hour,
            ttft_ms: self.ttft_ms,
            itl_ms: self.itl_ms,
        };
        let problems = self.problems(&question, prompt, output);
        if problems.is_empty() { Ok(question) } else { Err(problems) }
    }

    fn problems(&self, question: &Question<'_>, prompt: u32, output: u32) -> Vec<Error> {
        let (shape, options) = (question.shape, &question.options);
        let mut problems = Vec::new();
        let mut refuse = |option, reason: String| problems.push(Error::Option { option, reason });
        let sent = prompt.saturating_add(output);
        let most = shape.max_context_tokens.filter(|most| sent > *most);
        if let Some(most) = most {
            let name = &shape.name;
            refuse(
                "prompt_tokens",
                format!("{prompt} and {output} of the answer are more than the {most} that {name} can have"),
            );
        } else if options.context_tokens < sent {
            let context = options.context_tokens;
            refuse(
                "context",
                format!("{context} tokens don't hold a prompt of {prompt} and an answer of {output}"),
            );
        }
        for (option, tokens) in [("prompt_tokens", prompt), ("output_tokens", output)] {
            if !(1..=MAX_TOKENS).contains(&tokens) {
                refuse(option, format!("must be from 1 to {MAX_TOKENS} tokens"));
            }
        }
        for (option, ms) in [("ttft_ms", self.ttft_ms), ("itl_ms", self.itl_ms)] {
            if ms.is_some_and(|ms| !(ms.is_finite() && ms > 0.0)) {
                refuse(option, "must be greater than zero".to_owned());
            }
        }
        if self.goal == Goal::Slo && self.ttft_ms.is_none() && self.itl_ms.is_none() {
            refuse("goal", "slo needs a time to keep to: give ttft_ms, itl_ms or both".to_owned());
        }
        if self.max_usd_per_hour.is_some_and(|price| price <= Decimal::ZERO) {
            refuse("max_usd_per_hour", "must be greater than zero".to_owned());
        }
        let of_room = options.problems(shape).into_iter();
        // Of a context that follows from the prompt, the prompt was said to be wrong.
        problems.extend(
            of_room.filter(|problem| self.room.context_tokens.is_some() || problem.field() != "context"),
        );
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::Catalog;

    const USUAL: Usual = Usual { prompt_tokens: 100, output_tokens: 200, max_in_flight: 64 };

    fn shape() -> Shape {
        let catalog = Catalog::embedded().unwrap();
        Shape::of(catalog.model("Llama 3 8B", EngineKind::Vllm).unwrap()).unwrap()
    }

    fn ask() -> Ask {
        Ask {
            engine: EngineKind::Vllm,
            goal: Goal::Cheapest,
            room: Room::default(),
            prompt_tokens: None,
            output_tokens: None,
            max_usd_per_hour: None,
            ttft_ms: None,
            itl_ms: None,
        }
    }

    fn wrong(ask: &Ask) -> Vec<&'static str> {
        ask.question(&shape(), USUAL).unwrap_err().iter().map(Error::field).collect()
    }

    #[test]
    fn what_is_not_said_is_as_usual_and_a_long_prompt_has_its_room() {
        let shape = shape();
        let usual = ask().question(&shape, USUAL).unwrap();
        assert_eq!((usual.load, usual.options.context_tokens), (Load::Saturated { max_in_flight: 64 }, 4096));
        assert_eq!((usual.work.prompt_tokens, usual.options.precision), (100.0, Precision::Bf16));
        let long = Ask { prompt_tokens: Some(7000), ..ask() };
        assert_eq!(long.question(&shape, USUAL).unwrap().options.context_tokens, 7200);
        let ollama = Ask { engine: EngineKind::Ollama, goal: Goal::Slo, itl_ms: Some(20.0), ..ask() };
        let ollama = ollama.question(&shape, USUAL).unwrap();
        assert_eq!((ollama.options.precision, ollama.load), (Precision::Q4KM, Load::Streams(9)));
    }

    #[test]
    fn a_prompt_that_the_model_cannot_have_is_refused_with_and_without_a_context() {
        let long = Ask { prompt_tokens: Some(8000), ..ask() };
        assert_eq!(wrong(&long), ["prompt_tokens"], "Llama 3 8B has 8192");
        let context = |tokens| Room { context_tokens: Some(tokens), ..Room::default() };
        assert_eq!(wrong(&Ask { room: context(8192), ..long }), ["prompt_tokens"]);
        assert_eq!(wrong(&Ask { room: context(299), ..ask() }), ["context"]);
        assert_eq!(wrong(&Ask { room: context(9000), ..ask() }), ["context"]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let bad = Ask {
            goal: Goal::Slo,
            room: Room { concurrency: Some(0), memory_share: Some(f64::NAN), ..Room::default() },
            output_tokens: Some(0),
            max_usd_per_hour: Some(Decimal::ZERO),
            ..ask()
        };
        assert_eq!(wrong(&bad), ["output_tokens", "goal", "max_usd_per_hour", "concurrency", "memory_share"]);
        assert_eq!(
            wrong(&Ask { ttft_ms: Some(f64::INFINITY), itl_ms: Some(-1.0), ..ask() }),
            ["ttft_ms", "itl_ms"]
        );
    }
}
