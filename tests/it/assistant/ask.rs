//! `dria-bench ask`, as people run it.

use serde_json::{Value, json};

use super::App;
use crate::support::{
    database::public_folder,
    openai::{Reply, call, found, text},
    program::{Ended, end_of, program},
};

/// Runs it with a model, or without one.
async fn ask(app: &App, has_key: bool, more: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let (folder, mut command) = (public_folder(), program());
    command.env("DATABASE_URL", &app.database.url).env("DRIA_BENCH_DATA_DIR", folder.path());
    if has_key {
        command.env("OPENAI_API_KEY", "sk-test").env("OPENAI_BASE_URL", &app.model.url);
    }
    command.envs(more.iter().copied()).args(arguments);
    tokio::task::spawn_blocking(move || {
        let ended = end_of(&mut command);
        drop(folder);
        ended
    })
    .await
    .unwrap()
}

fn fastest() -> Vec<Reply> {
    vec![
        Reply::Events(call("search_results", &json!({ "model": "70B", "gpu": "H100" }))),
        Reply::With(Box::new(|request| {
            let best: &Value = &found(request)["results"][0];
            Reply::Events(text(&format!("It makes {} tokens/s.", best["output_tokens_per_second"])))
        })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_on_stdout_and_what_was_looked_up_on_stderr() {
    let app = App::new(fastest()).await;
    let question = "Which inference engine is fastest for 70B models on H100?";
    let told = ask(&app, true, &[], &["ask", question]).await;
    assert_eq!(
        (told.code, told.stdout.trim_end()),
        (Some(0), "It makes 2582.0 tokens/s. [1](/results/pod2)")
    );
    assert!(told.stderr.contains("looked up: search_results"), "{}", told.stderr);
    assert!(told.stderr.contains("[1] /results/pod2: "), "{}", told.stderr);
    app.model.then(fastest());
    let json = ask(&app, true, &[], &["--json", "ask", question, "--run", "pod1"]).await.json();
    assert_eq!(
        (&json["not_from_our_data"], &json["sources"][0]["link"]),
        (&json!(0), &json!("/results/pod2"))
    );
    assert_eq!(app.database.count("select count(*) from chat_logs").await, 0, "nobody's log");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_exit_code_says_why_there_is_no_answer() {
    let app = App::new(vec![Reply::Status(401, None), Reply::Events(text("Nothing."))]).await;
    let without = ask(&app, false, &[], &["ask", "Which engine is fastest?"]).await;
    assert!(without.code == Some(3) && without.stderr.contains("OPENAI_API_KEY"), "{without:?}");
    let refused = ask(&app, true, &[], &["ask", "Which engine is fastest?"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("is refused"), "{refused:?}");
    assert!(!refused.stderr.contains("sk-test"), "{refused:?}");
    assert_eq!(ask(&app, true, &[], &["ask", ""]).await.code, Some(2));
    assert_eq!(ask(&app, true, &[], &["ask", "Which?", "--run", "nobody"]).await.code, Some(1));
    let little = [("DRIA_BENCH_ASSISTANT_TOKENS_PER_DAY", "1")];
    assert_eq!(ask(&app, true, &little, &["ask", "Which engine is fastest?"]).await.code, Some(5));
}
