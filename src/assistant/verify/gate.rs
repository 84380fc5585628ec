//! Lets an answer through as it is written, a line or some sentences at a time, each checked before anybody sees it.

use super::{Citations, Evidence, check};

/// A line longer than this, bytes, may be let through by its sentences.
const LONG: usize = 400;
/// Whatever is longer than this without a place to cut is cut anywhere between words.
const LONGEST: usize = 4_000;

/// What stands between the model and the reader.
#[derive(Debug)]
pub(crate) struct Gate {
    waiting: String,
    at_line_start: bool,
    citations: Citations,
    not_ours: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { waiting: String::new(), at_line_start: true, citations: Citations::default(), not_ours: 0 }
    }
}

impl Gate {
    /// Takes what the model wrote next. What may be shown now; where it is cut depends on the text alone, not on how it
    /// came.
    pub(crate) fn push(&mut self, written: &str, evidence: &Evidence) -> String {
        self.waiting.push_str(written);
        let mut shown = String::new();
        while let Some(cut) = next_cut(&self.waiting) {
            let piece: String = self.waiting.drain(..cut).collect();
            shown.push_str(&self.let_through(&piece, evidence));
        }
        shown
    }

    /// What is left when the model has ended.
    pub(crate) fn end(&mut self, evidence: &Evidence) -> String {
        let piece = std::mem::take(&mut self.waiting);
        self.let_through(&piece, evidence)
    }

    /// The sources named until now.
    pub(crate) const fn citations(&self) -> &Citations {
        &self.citations
    }

    /// Numbers until now that no tool put out.
    pub(crate) const fn not_ours(&self) -> usize {
        self.not_ours
    }

    fn let_through(&mut self, piece: &str, evidence: &Evidence) -> String {
        let checked = check(piece, self.at_line_start, evidence, &mut self.citations);
        if !piece.is_empty() {
            self.at_line_start = piece.ends_with('\n');
        }
        self.not_ours += checked.not_ours;
        checked.text
    }
}

/// Where the first piece ends: behind a line, or behind a sentence of a long one, never within a link.
fn next_cut(waiting: &str) -> Option<usize> {
    let line = waiting.find('\n').map(|at| at + 1);
    let long = line.unwrap_or(waiting.len());
    if long <= LONG {
        return line;
    }
    let (mut brackets, mut before) = (0_i32, ' ');
    for (at, c) in waiting[..long].char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            _ => {}
        }
        let ends_sentence = c == ' ' && matches!(before, '.' | '!' | '?' | ';') && brackets <= 0;
        if (at > LONG && ends_sentence) || (at > LONGEST && c == ' ') {
            return Some(at + 1);
        }
        before = c;
    }
    line
}
