//! Prompts: unique, of a known token length, and the same again from the same seed.
//!
//! A prompt is common English words that are one token each with the space before them, so the first one has its
//! space too. Its first words are a
//! nonce that no other prompt of the set has, so that a prefix cache never answers. It must not know engines; how long
//! a word is comes from [`Calibration`].

mod words;

use sha2::{Digest, Sha256};

use super::{Calibration, random::SplitMix};

/// Words of the nonce. With some thousand words this is more different beginnings than any run sends requests.
const NONCE_WORDS: u32 = 4;
/// A block's share of the nonces: 2^26 prompts.
const BLOCK: u64 = 1 << 26;
/// Blocks there are.
pub(super) const BLOCKS: u64 = 1 << 12;

/// A set of prompts.
#[derive(Debug, Clone)]
pub struct PromptSet {
    seed: u64,
    tokens: u32,
    words_per_prompt: u32,
    is_exact: bool,
    calibration: Calibration,
    vocabulary: Vec<&'static str>,
    nonce: Nonce,
}

/// A bijection of the numbers below `space`: consecutive prompts differ in their first word already.
#[derive(Debug, Clone, Copy)]
struct Nonce {
    words: u32,
    space: u64,
    step: u64,
    offset: u64,
}

impl Nonce {
    fn new(seed: u64, vocabulary: u64, words: u32) -> Self {
        let space = vocabulary.saturating_pow(words);
        Self { words, space, step: coprime_step(space), offset: SplitMix(seed).next() % space }
    }

    fn of(&self, number: u64) -> u64 {
        let place = u128::from(number) * u128::from(self.step) + u128::from(self.offset);
        (place % u128::from(self.space)) as u64
    }
}

/// Every word prompts are made of, in a fixed order.
#[must_use]
pub fn all_words() -> Vec<&'static str> {
    words::WORDS.split_ascii_whitespace().collect()
}

impl PromptSet {
    /// The prompts of this seed and length. A model that knows fewer than two of the words as single tokens is
    /// given all of them, and lengths are then about right.
    #[must_use]
    pub fn new(seed: u64, tokens: u32, calibration: &Calibration) -> Self {
        let mut vocabulary = all_words();
        vocabulary.retain(|word| !calibration.dropped_words.iter().any(|dropped| dropped == word));
        let is_usable = vocabulary.len() >= 2;
        if !is_usable {
            vocabulary = all_words();
        }
        let words_per_prompt = calibration.words_for(tokens);
        Self {
            nonce: Nonce::new(seed, vocabulary.len() as u64, words_per_prompt.min(NONCE_WORDS)),
            seed,
            tokens,
            words_per_prompt,
            is_exact: calibration.exact && is_usable && i64::from(tokens) > calibration.fixed_offset,
            vocabulary,
            calibration: calibration.clone(),
        }
    }

    /// Prompt length asked for, tokens.
    #[must_use]
    pub const fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Whether each prompt has exactly that length.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The prompt of this number in this block (a level, or an attempt at one; below 4096).
    #[must_use]
    pub fn prompt(&self, block: u64, index: u64) -> String {
        let mut prompt = String::new();
        self.write_prompt(block, index, &mut prompt);
        prompt
    }

    /// The same into a buffer that is used again.
    pub fn write_prompt(&self, block: u64, index: u64, into: &mut String) {
        into.clear();
        self.append_prompt(Self::number(block, index), self.words_per_prompt, into);
    }

    /// The number of a prompt in the whole set.
    pub(super) const fn number(block: u64, index: u64) -> u64 {
        block * BLOCK + index % BLOCK
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Words of a whole prompt of so many tokens.
    pub(super) fn words_for(&self, tokens: u32) -> u32 {
        self.calibration.words_for(tokens)
    }

    /// Words of so many tokens inside a prompt.
    pub(super) fn words_in(&self, tokens: u32) -> u32 {
        (f64::from(tokens) / self.calibration.tokens_per_word).round() as u32
    }

    /// Appends so many words that no other number's begin with. A longer one of the same number begins with the shorter.
    pub(super) fn append_prompt(&self, number: u64, words: u32, into: &mut String) {
        let size = self.vocabulary.len() as u64;
        let mut nonce = self.nonce.of(number);
        let nonce_words = self.nonce.words.min(words);
        for _ in 0..nonce_words {
            self.append_word(nonce % size, into);
            nonce /= size;
        }
        self.append_words(self.seed ^ SplitMix(number).next(), words - nonce_words, into);
    }

    /// Appends so many words drawn from a seed.
    pub(super) fn append_words(&self, seed: u64, words: u32, into: &mut String) {
        let size = self.vocabulary.len() as u64;
        let mut random = SplitMix(seed);
        for _ in 0..words {
            self.append_word(random.next() % size, into);
        }
    }

    fn append_word(&self, word: u64, into: &mut String) {
        into.push(' ');
        into.push_str(self.vocabulary[word as usize]);
    }

    /// SHA-256 of what defines the set: the same hash is the same prompts.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("dria-bench prompts v1\n{}\n{}\n", self.seed, self.words_per_prompt));
        for word in &self.vocabulary {
            hash.update(word);
            hash.update("\n");
        }
        hex::encode(hash.finalize())
    }
}

/// A step through `0..space` that visits every number once.
fn coprime_step(space: u64) -> u64 {
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // About the golden section: neighbours land far apart.
    let mut step = (space as f64 * 0.618_033_988_749_895) as u64 | 1;
    while gcd(step, space) != 1 {
        step += 2;
    }
    step
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn set(seed: u64, tokens: u32) -> PromptSet {
        PromptSet::new(seed, tokens, &Calibration::word_is_token())
    }

    #[test]
    fn the_words_are_many_short_and_different() {
        let words = all_words();
        assert!(words.len() >= 900, "{}", words.len());
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
    }

    #[test]
    fn prompts_have_their_length_and_never_repeat_within_or_across_blocks() {
        let prompts = set(42, 16);
        let mut seen = HashSet::new();
        for block in [0, 1, 9, 4095] {
            for index in 0..2000 {
                let prompt = prompts.prompt(block, index);
                assert_eq!(prompt.split_whitespace().count(), 16);
                assert!(seen.insert(prompt));
            }
        }
    }

    #[test]
    fn neighbouring_prompts_differ_in_their_first_word() {
        let prompts = set(7, 100);
        for index in 0..500 {
            let (a, b) = (prompts.prompt(3, index), prompts.prompt(3, index + 1));
            assert_ne!(a.split_whitespace().next(), b.split_whitespace().next());
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_prompts_and_another_seed_others() {
        assert_eq!(set(42, 20).prompt(1, 7), set(42, 20).prompt(1, 7));
        assert_ne!(set(42, 20).prompt(1, 7), set(43, 20).prompt(1, 7));
        assert_eq!(set(42, 20).sha256(), set(42, 20).sha256());
        assert_ne!(set(42, 20).sha256(), set(42, 21).sha256());
    }

    #[test]
    fn tiny_prompts_are_made_and_stay_different_as_long_as_they_can() {
        let prompts = set(1, 1);
        let distinct: HashSet<_> = (0..500).map(|index| prompts.prompt(0, index)).collect();
        assert_eq!(distinct.len(), 500);
    }

    #[test]
    fn a_fixed_offset_and_a_slope_are_taken_off() {
        let calibration = Calibration {
            fixed_offset: 9,
            tokens_per_word: 1.25,
            exact: false,
            dropped_words: vec!["the".into()],
        };
        assert_eq!(calibration.words_for(109), 80);
        assert_eq!(calibration.words_for(3), 1);
        let prompts = PromptSet::new(1, 109, &calibration);
        assert!((0..50).all(|index| !prompts.prompt(0, index).split_whitespace().any(|word| word == "the")));
        assert!(!prompts.is_exact());
    }
}
