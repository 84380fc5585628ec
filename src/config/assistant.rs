//! Settings of the assistant: which model answers, how long it may take, and what it may cost.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{Secret, money, sections::within};

/// The assistant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assistant {
    /// Key of the model's server; `None`: there is no assistant.
    pub api_key: Option<Secret>,
    /// Base URL of an OpenAI-compatible server, up to and with its `/v1`.
    pub base_url: Url,
    /// The model.
    pub model: String,
    /// How long an answer may take, all in all.
    #[serde(rename = "timeout_ms", deserialize_with = "answer_time")]
    pub timeout: Duration,
    /// How often the model is asked for one answer: each time it may look things up.
    #[serde(deserialize_with = "rounds")]
    pub rounds: u32,
    /// Most tokens the model may write each time.
    #[serde(deserialize_with = "tokens")]
    pub max_output_tokens: u32,
    /// Most tokens of one answer, prompts and all rounds together.
    #[serde(deserialize_with = "tokens")]
    pub tokens_per_answer: u32,
    /// Questions of one person that are answered at once.
    #[serde(deserialize_with = "at_once")]
    pub questions_at_once: u32,
    /// Most tokens of a person's questions in a day.
    #[serde(deserialize_with = "tokens")]
    pub user_tokens_per_day: u32,
    /// What a person's questions may cost in a day, USD.
    #[serde(deserialize_with = "money::usd")]
    pub user_usd_per_day: Decimal,
    /// Most tokens of all questions in a day.
    #[serde(deserialize_with = "tokens")]
    pub tokens_per_day: u32,
    /// What all questions may cost in a day, USD.
    #[serde(deserialize_with = "money::usd")]
    pub usd_per_day: Decimal,
    /// What a million tokens of prompts cost, USD.
    #[serde(deserialize_with = "money::usd")]
    pub usd_per_million_prompt_tokens: Decimal,
    /// What a million tokens that the model writes cost, USD.
    #[serde(deserialize_with = "money::usd")]
    pub usd_per_million_output_tokens: Decimal,
}

fn answer_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    within(deserializer, 100..=600_000, "milliseconds").map(Duration::from_millis)
}

fn rounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=20, "rounds").map(|count| count as u32)
}

fn tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=2_000_000_000, "tokens").map(|count| count as u32)
}

fn at_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=100, "questions").map(|count| count as u32)
}
