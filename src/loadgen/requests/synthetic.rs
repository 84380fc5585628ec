//! Prompts of our own words, of drawn lengths, with a shared beginning or as conversations.

use super::{Asked, Lengths, Number, Source};
use crate::loadgen::{PromptSet, random::SplitMix};

/// What tells the draws of one number apart.
const PROMPT_SALT: u64 = 0x7072_6f6d_7074;
const OUTPUT_SALT: u64 = 0x6f75_7470_7574;
const PREFIX_SALT: u64 = 0x7072_6566_6978;
const ANSWER_SALT: u64 = 0x616e_7377_6572;

/// Words that a share of the prompts begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedPrefix {
    /// Its length, tokens; every prompt is longer by them, whether or not its beginning is the shared one.
    pub tokens: u32,
    /// Share of the prompts that begin with it, 0 to 1; the others have as many words of their own.
    pub hit_rate: f64,
}

/// Synthetic requests.
#[derive(Debug, Clone)]
pub struct Synthetic {
    /// Where words come from.
    pub prompts: PromptSet,
    /// Length of a prompt, or of a user's turn, tokens.
    pub prompt_tokens: Lengths,
    /// Length of an answer, tokens.
    pub output_tokens: Lengths,
    /// A shared beginning.
    pub prefix: Option<SharedPrefix>,
    /// Turns of a conversation, at least 1. Each turn's prompt holds the turns before it, with words of the answer's
    /// length where the engine's answer was.
    pub turns: u32,
}

impl Synthetic {
    fn seed(&self, salt: u64) -> u64 {
        self.prompts.seed() ^ salt
    }

    /// A number of this turn alone.
    fn turn_number(number: u64, turn: u32) -> u64 {
        number ^ (u64::from(turn) << 48)
    }

    fn prompt_length(&self, number: u64, turn: u32) -> u32 {
        self.prompt_tokens.draw(self.seed(PROMPT_SALT), Self::turn_number(number, turn))
    }

    fn output_length(&self, number: u64, turn: u32) -> u32 {
        self.output_tokens.draw(self.seed(OUTPUT_SALT), Self::turn_number(number, turn))
    }

    /// Whether this conversation begins with the shared words.
    fn is_hit(&self, prefix: SharedPrefix, number: u64) -> bool {
        SplitMix(self.seed(PREFIX_SALT) ^ SplitMix(number).next()).unit() <= prefix.hit_rate
    }
}

impl Source for Synthetic {
    fn write(&self, at: Number, into: &mut String) -> Asked {
        into.clear();
        let number = PromptSet::number(at.block, at.index);
        let mut tokens = self.prompt_length(number, 0);
        let mut words = self.prompts.words_for(tokens);
        if let Some(prefix) = self.prefix {
            tokens += prefix.tokens;
            let prefix_words = self.prompts.words_in(prefix.tokens);
            if self.is_hit(prefix, number) {
                self.prompts.append_words(self.seed(PREFIX_SALT), prefix_words, into);
            } else {
                words += prefix_words;
            }
        }
        self.prompts.append_prompt(number, words, into);
        for turn in 0..at.turn {
            let answer = self.output_length(number, turn);
            let question = self.prompt_length(number, turn + 1);
            tokens += answer + question;
            let words = self.prompts.words_in(answer + question);
            let seed = self.seed(ANSWER_SALT) ^ SplitMix(Self::turn_number(number, turn)).next();
            self.prompts.append_words(seed, words, into);
        }
        Asked { prompt_tokens: tokens, output_tokens: Some(self.output_length(number, at.turn)) }
    }

    fn turns(&self, _index: u64) -> u32 {
        self.turns.max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::loadgen::Calibration;

    fn synthetic(prompt: &str, prefix: Option<SharedPrefix>, turns: u32) -> Synthetic {
        Synthetic {
            prompts: PromptSet::new(42, 16, &Calibration::word_is_token()),
            prompt_tokens: prompt.parse().unwrap(),
            output_tokens: "uniform:4-8".parse().unwrap(),
            prefix,
            turns,
        }
    }

    fn text(source: &Synthetic, index: u64, turn: u32) -> (String, Asked) {
        let mut text = String::new();
        let asked = source.write(Number { block: 3, index, turn }, &mut text);
        assert_eq!(text.split_whitespace().count() as u32, asked.prompt_tokens, "exact for each request");
        (text, asked)
    }

    #[test]
    fn one_length_without_more_is_the_prompt_set_itself() {
        let source = synthetic("16", None, 1);
        assert_eq!(text(&source, 7, 0).0, source.prompts.prompt(3, 7));
    }

    #[test]
    fn drawn_lengths_are_exact_and_prompts_stay_different() {
        let source = synthetic("uniform:8-30", None, 1);
        let all: Vec<_> = (0..500).map(|index| text(&source, index, 0)).collect();
        assert_eq!(all.iter().map(|(text, _)| text).collect::<HashSet<_>>().len(), 500);
        assert_eq!(all.iter().map(|(_, asked)| asked.prompt_tokens).collect::<HashSet<_>>().len(), 23);
        assert_eq!(all.iter().map(|(_, asked)| asked.output_tokens).collect::<HashSet<_>>().len(), 5);
    }

    #[test]
    fn a_shared_prefix_begins_the_stated_share_of_prompts_and_no_other_pair_shares_a_beginning() {
        let source = synthetic("10", Some(SharedPrefix { tokens: 20, hit_rate: 0.25 }), 1);
        let mut beginnings = std::collections::HashMap::new();
        for index in 0..4000 {
            let (text, asked) = text(&source, index, 0);
            assert_eq!(asked.prompt_tokens, 30);
            let first: Vec<String> = text.split_whitespace().take(20).map(str::to_owned).collect();
            *beginnings.entry(first).or_insert(0_u32) += 1;
        }
        let mut counts: Vec<u32> = beginnings.into_values().collect();
        counts.sort_unstable();
        let shared = counts.pop().unwrap();
        assert!((900..1100).contains(&shared), "{shared} of 4000");
        assert!(counts.iter().all(|count| *count == 1));
        let all = synthetic("10", Some(SharedPrefix { tokens: 20, hit_rate: 1.0 }), 1);
        let none = synthetic("10", Some(SharedPrefix { tokens: 20, hit_rate: 0.0 }), 1);
        let starts = |source: &Synthetic| {
            (0..50)
                .map(|i| text(source, i, 0).0.split(' ').nth(1).unwrap().to_owned())
                .collect::<HashSet<_>>()
        };
        assert_eq!((starts(&all).len(), starts(&none).len()), (1, 50));
    }

    #[test]
    fn each_turn_holds_the_turns_before_it() {
        let source = synthetic("uniform:8-30", None, 4);
        for index in 0..20 {
            let turns: Vec<_> = (0..4).map(|turn| text(&source, index, turn)).collect();
            for pair in turns.windows(2) {
                assert!(pair[1].0.starts_with(&pair[0].0));
                let answer = pair[0].1.output_tokens.unwrap();
                assert!(pair[1].1.prompt_tokens >= pair[0].1.prompt_tokens + answer + 8);
            }
        }
    }
}
