//! Prompts from a file: a JSON array or JSON Lines, of prompts or of conversations as ShareGPT has them.

use serde::Deserialize;

use super::{Asked, FileError, Number, Source, read_lines};

/// A conversation's turn: what the user says, and the answer that was once given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    user: String,
    answer: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Conversation {
    turns: Vec<Turn>,
    output_tokens: Option<u32>,
}

/// Conversations, in the file's order; after the last one the first comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    conversations: Vec<Conversation>,
    turns: u32,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default, alias = "messages")]
    conversations: Option<Vec<Message>>,
    #[serde(default, alias = "output_length", alias = "max_tokens")]
    output_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(alias = "role")]
    from: String,
    #[serde(alias = "content")]
    value: String,
}

impl Entry {
    /// `None`: a conversation in which the user says nothing.
    fn conversation(self) -> Result<Option<Conversation>, &'static str> {
        if self.output_tokens == Some(0) {
            return Err("its output length is 0");
        }
        let turns = match (self.prompt, self.conversations) {
            (Some(prompt), _) => vec![Turn { user: prompt, answer: String::new() }],
            (None, Some(messages)) => turns(messages),
            (None, None) => return Err("it has neither `prompt` nor `conversations`"),
        };
        let is_empty = turns.iter().all(|turn| turn.user.trim().is_empty());
        Ok((!is_empty).then_some(Conversation { turns, output_tokens: self.output_tokens }))
    }
}

/// What stands before the user's first words (a system prompt) goes with them.
fn turns(messages: Vec<Message>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut before = String::new();
    for message in messages {
        let is_user = matches!(message.from.as_str(), "human" | "user");
        match turns.last_mut() {
            _ if is_user => {
                let user = std::mem::take(&mut before) + &message.value;
                turns.push(Turn { user, answer: String::new() });
            }
            Some(turn) => {
                turn.answer.push_str(&message.value);
                turn.answer.push('\n');
            }
            None if message.from == "system" => before = message.value + "\n",
            // An answer to nothing.
            None => {}
        }
    }
    turns
}

impl Dataset {
    /// Reads a file's text. Of each conversation at most so many turns are sent.
    ///
    /// # Errors
    /// With the line (JSON Lines) or entry (array) that isn't as it should be; or when there is no prompt at all.
    pub fn parse(text: &str, turns: u32) -> Result<Self, FileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (entries, word) = if text.trim_start().starts_with('[') {
            let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| {
                let reason = error.to_string();
                let reason = reason.split(" at line ").next().unwrap_or(&reason).to_owned();
                FileError::line(error.line(), format!("{reason} (column {})", error.column()))
            })?;
            (entries.into_iter().enumerate().map(|(index, entry)| (index + 1, entry)).collect(), "entry")
        } else {
            (read_lines::<Entry>(text)?, "line")
        };
        let mut conversations = Vec::new();
        for (number, entry) in entries {
            let failed =
                |reason: &str| FileError { place: format!("{word} {number}"), reason: reason.to_owned() };
            conversations.extend(entry.conversation().map_err(failed)?);
        }
        if conversations.is_empty() {
            return Err(FileError::line(1, "the file holds no prompt"));
        }
        Ok(Self { conversations, turns: turns.max(1) })
    }

    /// Conversations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.conversations.len()
    }

    /// Never: a file without a prompt is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    fn of(&self, index: u64) -> Option<&Conversation> {
        self.conversations.get((index % self.conversations.len().max(1) as u64) as usize)
    }
}

impl Source for Dataset {
    fn write(&self, number: Number, into: &mut String) -> Asked {
        into.clear();
        let Some(conversation) = self.of(number.index) else { return Asked::default() };
        for (index, turn) in conversation.turns.iter().take(number.turn as usize + 1).enumerate() {
            into.push_str(&turn.user);
            if index < number.turn as usize {
                into.push('\n');
                into.push_str(&turn.answer);
            }
        }
        Asked { prompt_tokens: 0, output_tokens: conversation.output_tokens }
    }

    fn turns(&self, index: u64) -> u32 {
        let there = self.of(index).map_or(1, |conversation| conversation.turns.len() as u32);
        self.turns.min(there).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAREGPT: &str = r#"[
      {"id": "a", "conversations": [{"from": "human", "value": "One?"}, {"from": "gpt", "value": "1."},
                                    {"from": "human", "value": "And two?"}, {"from": "gpt", "value": "2."}]},
      {"id": "b", "conversations": []},
      {"id": "c", "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Hi"}]}
    ]"#;

    fn text(data: &Dataset, index: u64, turn: u32) -> (String, Asked) {
        let mut text = String::new();
        let asked = data.write(Number { block: 0, index, turn }, &mut text);
        (text, asked)
    }

    #[test]
    fn sharegpt_conversations_are_sent_turn_by_turn_and_empty_ones_are_skipped() {
        let data = Dataset::parse(SHAREGPT, 8).unwrap();
        assert_eq!((data.len(), data.turns(0), data.turns(1)), (2, 2, 1));
        assert_eq!(text(&data, 0, 0).0, "One?");
        assert_eq!(text(&data, 0, 1).0, "One?\n1.\nAnd two?");
        assert_eq!(text(&data, 1, 0).0, "Be brief.\nHi");
        assert_eq!(text(&data, 2, 0).0, "One?", "from the start again");
        assert_eq!(Dataset::parse(SHAREGPT, 1).unwrap().turns(0), 1);
    }

    #[test]
    fn lines_of_prompts_may_say_how_long_their_answers_are() {
        let lines = "{\"prompt\": \"a b\", \"output_tokens\": 5}\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"c\"}]}\n";
        let data = Dataset::parse(lines, 1).unwrap();
        assert_eq!(text(&data, 0, 0), ("a b".to_owned(), Asked { prompt_tokens: 0, output_tokens: Some(5) }));
        assert_eq!(text(&data, 1, 0), ("c".to_owned(), Asked::default()));
    }

    #[test]
    fn a_bad_file_is_refused_with_the_place() {
        for (text, said) in [
            ("{\"prompt\": \"a\"}\n{\"prompt\": 7}", "line 2: invalid type"),
            ("{\"prompt\": \"a\"}\n\n{\"text\": \"b\"}", "line 3: it has neither"),
            ("{\"prompt\": \"a\"}\n{\"prompt\"", "line 2: EOF"),
            ("[{\"prompt\": \"a\"}, {}]", "entry 2: it has neither"),
            ("[{\"prompt\": \"a\"},\n nonsense]", "line 2: expected"),
            ("{\"prompt\": \"a\", \"output_tokens\": 0}", "line 1: its output length is 0"),
            ("", "holds no prompt"),
            ("[]", "holds no prompt"),
        ] {
            let error = Dataset::parse(text, 1).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
