//! How long our words are on this engine and model: from its tokenizer where it has one, else from the prompt lengths
//! it reports for real requests.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    Calibration,
    client::{Connection, Exchange},
    executor::{Route, generation},
    plan::Target,
    prompts::{PromptSet, all_words},
};
use crate::{
    domain::failure::Failure,
    engine::stream::{Event, StreamFormat, Usage},
};

/// Fewest and most words that are counted in one question.
const PROBE_WORDS: std::ops::RangeInclusive<usize> = 16..=256;
/// Groups of this size or less are dropped whole when a word in them isn't one token.
const SMALL_GROUP: usize = 4;
/// Most questions asked; beyond it, what wasn't looked at is dropped or lengths are about right.
const MAX_QUESTIONS: usize = 160;
/// Longest a count may take: the first request of an engine may load the model.
const COUNT_TIMEOUT: Duration = Duration::from_mins(10);
/// Blocks of prompts that levels don't use, for calibration.
const CALIBRATION_BLOCK: u64 = 4094;

/// Counts the tokens of a text as the engine would.
#[async_trait]
pub trait TokenCounter: Send + Sync {
    /// Tokens of this text as a prompt, with whatever the engine adds to each prompt.
    async fn count(&self, text: &str) -> Result<u32, Failure>;
}

struct Questions<'a> {
    counter: &'a dyn TokenCounter,
    asked: usize,
}

impl Questions<'_> {
    async fn count(&mut self, words: &[&str]) -> Result<i64, Failure> {
        self.asked += 1;
        // As in a prompt, each word has its space before it, the first one too.
        self.counter.count(&format!(" {}", words.join(" "))).await.map(i64::from)
    }
}

/// Finds what each prompt has beside its words, and which words aren't one token.
///
/// `prompt_tokens` bounds the questions' length, so that they fit a small context.
///
/// # Errors
/// When the counter fails.
pub async fn calibrate(counter: &dyn TokenCounter, prompt_tokens: u32) -> Result<Calibration, Failure> {
    let words = all_words();
    let probe = (prompt_tokens as usize).clamp(*PROBE_WORDS.start(), *PROBE_WORDS.end());
    let mut questions = Questions { counter, asked: 0 };
    // These words are one token in every vocabulary made for English; the middle of three is safe from one that isn't.
    let mut offsets = Vec::new();
    for word in [words[0], words[1], words[2]] {
        offsets.push(questions.count(&[word, word]).await? - 2);
    }
    offsets.sort_unstable();
    let fixed_offset = offsets[1];
    let mut dropped = Vec::new();
    let mut groups: Vec<&[&str]> = words.chunks(probe).collect();
    groups.reverse();
    let (mut counted_words, mut counted_tokens) = (0_usize, 0_i64);
    while let Some(group) = groups.pop() {
        if questions.asked >= MAX_QUESTIONS {
            dropped.extend(group.iter().map(|word| (*word).to_owned()));
            continue;
        }
        let tokens = questions.count(group).await? - fixed_offset;
        counted_words += group.len();
        counted_tokens += tokens;
        if usize::try_from(tokens) == Ok(group.len()) {
            continue;
        }
        if group.len() <= SMALL_GROUP {
            dropped.extend(group.iter().map(|word| (*word).to_owned()));
        } else {
            let (left, right) = group.split_at(group.len() / 2);
            groups.extend([right, left]);
        }
    }
    if dropped.len() * 2 <= words.len() {
        return Ok(Calibration { fixed_offset, tokens_per_word: 1.0, exact: true, dropped_words: dropped });
    }
    // A vocabulary that isn't made for English: all words, and their mean length.
    let tokens_per_word = (counted_tokens as f64 / counted_words.max(1) as f64).max(0.1);
    Ok(Calibration { fixed_offset, tokens_per_word, exact: false, dropped_words: Vec::new() })
}

/// Fits offset and slope to two lengths that an engine without tokenizer route reported (Ollama's
/// `prompt_eval_count`), each as (words, tokens). Exact only where each word was one token.
#[must_use]
pub fn fit(shorter: (u32, u32), longer: (u32, u32)) -> Calibration {
    let words = f64::from(longer.0) - f64::from(shorter.0);
    let tokens = f64::from(longer.1) - f64::from(shorter.1);
    let slope = if words > 0.0 && tokens > 0.0 { tokens / words } else { 1.0 };
    let offset = f64::from(longer.1) - slope * f64::from(longer.0);
    Calibration {
        fixed_offset: offset.round() as i64,
        tokens_per_word: slope,
        exact: (slope - 1.0).abs() < 1e-9,
        dropped_words: Vec::new(),
    }
}

/// A counter for any engine: it sends the text as a prompt for one output token and takes the prompt length that the
/// engine reports. Each count is a real request.
#[derive(Debug)]
pub struct UsageCounter {
    target: Target,
    route: Route,
}

impl UsageCounter {
    /// A counter on this target.
    ///
    /// # Errors
    /// When its URL can't be used or nobody listens there.
    pub async fn new(target: &Target) -> Result<Self, super::Error> {
        Ok(Self { target: target.clone(), route: Route::new(target).await? })
    }

    /// Two requests of different length, fitted: for engines where every count costs a prefill.
    ///
    /// # Errors
    /// When a request fails.
    pub async fn fit(&self, seed: u64, prompt_tokens: u32) -> Result<Calibration, Failure> {
        let long = prompt_tokens.max(8);
        let short = (long / 2).max(4);
        let word_is_token = Calibration::word_is_token();
        let mut counts = Vec::new();
        for (index, words) in [(0, short), (1, long)] {
            let prompt = PromptSet::new(seed, words, &word_is_token).prompt(CALIBRATION_BLOCK, index);
            counts.push((words, self.count(&prompt).await?));
        }
        Ok(fit(counts[0], counts[1]))
    }

    async fn usage(&self, text: &str) -> Result<Option<Usage>, Failure> {
        let failure = |error: super::client::RequestError| {
            let error = error.without(self.target.api_key.as_deref());
            Failure::transient(
                error.code.to_string(),
                format!("the engine did not answer a prompt of one output token: {error}"),
            )
        };
        let mut connection: Connection = self.route.connector.connect().await.map_err(failure)?;
        let mut body = Vec::new();
        generation(&self.target, text, 1, 0, &mut body).map_err(|error| {
            Failure::permanent("load_generator", format!("a prompt can't be encoded: {error}"))
        })?;
        let mut request = Vec::new();
        self.route.write_post(&body, &mut request);
        let mut usage = None;
        let mut exchange = Exchange::new(StreamFormat::of(self.target.engine));
        let answer = exchange.stream(
            &mut connection,
            &request,
            || (),
            |_, event| {
                if let Event::Chunk(chunk) = event {
                    usage = chunk.usage.or(usage);
                }
            },
        );
        match tokio::time::timeout(COUNT_TIMEOUT, answer).await {
            Ok(Ok(_)) => Ok(usage),
            Ok(Err(failed)) => Err(failure(failed.into_error())),
            Err(_) => Err(Failure::transient("timeout", "the engine did not answer a short prompt in 600 s")),
        }
    }
}

#[async_trait]
impl TokenCounter for UsageCounter {
    async fn count(&self, text: &str) -> Result<u32, Failure> {
        self.usage(text).await?.and_then(|usage| usage.prompt_tokens).ok_or_else(|| {
            Failure::permanent(
                "usage_missing",
                "the engine does not report prompt lengths, so prompts of a stated length can't be made",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some words are two tokens, and each prompt has one more.
    struct Fake {
        long_words: &'static [&'static str],
        offset: u32,
    }

    #[async_trait]
    impl TokenCounter for Fake {
        async fn count(&self, text: &str) -> Result<u32, Failure> {
            let words =
                text.split_whitespace().map(|word| if self.long_words.contains(&word) { 2 } else { 1 });
            Ok(self.offset + words.sum::<u32>())
        }
    }

    #[tokio::test]
    async fn words_that_are_not_one_token_are_found_and_dropped() {
        let fake = Fake { long_words: &["wisdom", "zone", "cheese"], offset: 1 };
        let calibration = calibrate(&fake, 100).await.unwrap();
        assert!(calibration.exact);
        assert_eq!(calibration.fixed_offset, 1);
        for word in fake.long_words {
            assert!(calibration.dropped_words.iter().any(|dropped| dropped == word), "{word}");
        }
        assert!(calibration.dropped_words.len() <= 3 * SMALL_GROUP);
        let prompts = PromptSet::new(1, 100, &calibration);
        for index in 0..200 {
            assert_eq!(fake.count(&prompts.prompt(0, index)).await, Ok(100));
        }
    }

    #[tokio::test]
    async fn a_foreign_vocabulary_gives_lengths_that_are_about_right_and_says_so() {
        struct Letters;
        #[async_trait]
        impl TokenCounter for Letters {
            async fn count(&self, text: &str) -> Result<u32, Failure> {
                Ok(text.bytes().filter(u8::is_ascii_lowercase).count() as u32)
            }
        }
        let calibration = calibrate(&Letters, 64).await.unwrap();
        assert!(!calibration.exact);
        assert!((3.0..8.0).contains(&calibration.tokens_per_word), "{calibration:?}");
    }

    #[test]
    fn two_reported_lengths_fit_a_line() {
        assert_eq!(
            fit((50, 59), (100, 109)),
            Calibration { fixed_offset: 9, ..Calibration::word_is_token() }
        );
        let sloped = fit((50, 65), (100, 128));
        assert!((sloped.tokens_per_word - 1.26).abs() < 1e-9 && !sloped.exact, "{sloped:?}");
        let flat = fit((50, 60), (50, 60));
        assert_eq!(
            flat,
            Calibration { fixed_offset: 10, ..Calibration::word_is_token() },
            "one length has no slope"
        );
    }
}
