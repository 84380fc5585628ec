//! The assistant against a scripted model: what it looks up, what it lets out, and what it survives.

mod ask;
mod http;
mod live;
mod tools;
mod turns;

use std::collections::BTreeMap;

use dria_bench::{
    assistant::{Answer, Asker, Assistant, Error, Event, Question},
    config::{self, Config, Machine, Overrides},
};

use crate::support::{
    database::TestDatabase,
    openai::{Reply, Scripted},
};

/// A database with three imported runs of a 70B model, and an assistant whose model is a script.
struct App {
    database: TestDatabase,
    model: Scripted,
    assistant: Assistant,
}

fn settings(url: &str, more: &[(&str, &str)]) -> config::Assistant {
    let mut environment = BTreeMap::from([("HOME".to_owned(), "/nowhere".to_owned())]);
    let set = [("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", url), ("OPENAI_MODEL", "scripted")];
    environment.extend(set.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Config::from_parts(&Overrides::default(), None, &environment, &Machine::default()).unwrap().assistant
}

impl App {
    async fn new(replies: Vec<Reply>) -> Self {
        Self::with(replies, &[]).await
    }

    async fn with(replies: Vec<Reply>, more: &[(&str, &str)]) -> Self {
        let (database, model) = (TestDatabase::new().await, Scripted::start(replies).await);
        let row = |id: &str, engine: &str, model: &str, rate: f64, latency: f64, days: u32| {
            format!(
                "insert into published_runs (pod_id, imported_from, status, llm_id, llm_common_name, llm_parameter_size,
                   inference_name, gpu_id, gpu_key, gpu_count, server_type, benchmark_types, ttft_ms,
                   output_tokens_per_second, request_latency_s, created_at)
                 values ('{id}', 'file:test', 'succeeded', 'm', '{model}', '70b', '{engine}', 'NVIDIA H100 80GB HBM3',
                   'NVIDIA H100 80GB HBM3', 2, 'Runpod', '{{throughput}}', 40.5, {rate}, {latency},
                   now() - interval '{days} days');"
            )
        };
        database
            .execute(
                row("pod1", "VLLM", "Llama 3.1 70B", 2367.4, 4.25, 3)
                    + &row("pod2", "SGLang", "Llama 3.1 70B", 2581.9, 3.5, 2)
                    + &row("pod3", "VLLM", "Llama 3.1 70B", 2412.0, 4.0, 1),
            )
            .await;
        let assistant = Assistant::new(&settings(&model.url, more), database.pool.clone()).unwrap().unwrap();
        Self { database, model, assistant }
    }

    async fn ask(&self, text: &str) -> Result<Answer, Error> {
        let mut heard = self.assistant.ask(question(text)).await?;
        loop {
            match heard.recv().await.expect("it ended without its last event") {
                Event::Done(answer) => return Ok(answer),
                Event::Failed(error) => return Err(error),
                Event::LookUp(_) | Event::Content(_) => {}
            }
        }
    }
}

fn question(text: &str) -> Question {
    let asker = Asker::Person { github_id: 7, username: "ann".to_owned(), avatar_url: None };
    Question { text: text.to_owned(), pod_id: None, asker, conversation: None, earlier: Vec::new() }
}
