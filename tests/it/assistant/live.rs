//! The assistant on a real model: llama.cpp with a small one, which nobody should believe, and need not.

use std::time::Duration;

use dria_bench::{
    assistant::{Assistant, Event},
    domain::kinds::EngineKind,
    engine::engine,
};

use super::{App, question, settings};
use crate::support::{llama, pods::Pod};

#[tokio::test(flavor = "multi_thread")]
async fn a_small_model_may_say_what_it_likes_and_no_number_of_its_own_goes_out_as_ours() {
    let (app, pod) = (App::new(Vec::new()).await, Pod::new("assistant"));
    let engine = engine(EngineKind::Llamacpp);
    let mut spec = llama::spec(EngineKind::Llamacpp, llama::MODEL);
    // Rules, tools and what they put out are some thousand tokens.
    (spec.engine.context_tokens, spec.engine.parallel_slots) = (Some(8192), Some(1));
    let running = llama::start(&pod, &engine, &spec, &llama::installs(pod.data_dir())).await;
    llama::until_up(&pod, &engine, &running, Duration::from_mins(1)).await;
    let url = format!("{}v1", running.endpoint.base_url);
    let few = [("DRIA_BENCH_ASSISTANT_MAX_OUTPUT_TOKENS", "60"), ("DRIA_BENCH_ASSISTANT_ROUNDS", "2")];
    let assistant = Assistant::new(&settings(&url, &few), app.database.pool.clone()).unwrap().unwrap();
    let text = "Count from 4711 to 4720, and say how many tokens/s vLLM makes on H100.";
    let mut heard = assistant.ask(question(text)).await.unwrap();
    let mut streamed = String::new();
    let answer = loop {
        match heard.recv().await.expect("it ended without its last event") {
            Event::Done(answer) => break answer,
            Event::Failed(error) => panic!("{error}"),
            Event::LookUp(_) => {}
            Event::Content(part) => streamed.push_str(&part),
        }
    };
    assert_eq!(streamed, answer.text);
    assert!(answer.completion_tokens > 0, "{answer:?}");
    for (at, _) in answer.text.match_indices("47") {
        let rest = &answer.text[at..];
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        if digits == 4 {
            let says = &rest[digits..];
            let marked = says.split(['.', ',', '\n']).next().unwrap();
            assert!(
                marked.contains("[not from our data]") || marked.contains("[from your question]"),
                "{}",
                answer.text
            );
        }
    }
}
