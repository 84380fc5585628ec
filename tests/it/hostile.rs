//! The load generator against servers that misbehave in every way we know: each failure under its own code with a
//! sample, and never a hang past the longest window and the grace.

use std::time::{Duration, Instant};

use dria_bench::{
    domain::{
        kinds::EngineKind,
        measure::record::{LevelRecords, LoadShape, Outcome},
    },
    loadgen::{Calibration, Error, LevelPlan, Progress, PromptSet, Target, run_level},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

const SSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"text\":\" a\"}]}\n\n";

/// A server that answers what isn't a generation, and does this to each generation.
async fn hostile<F>(behave: fn(TcpStream, String) -> F) -> (String, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 << 10];
                while let Ok(read) = stream.read(&mut bytes).await
                    && read > 0
                {
                    if bytes.starts_with(b"GET") {
                        let idle = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        if stream.write_all(idle).await.is_err() {
                            return;
                        }
                        continue;
                    }
                    let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
                    return behave(stream, request).await;
                }
            });
        }
    };
    (url, tokio::spawn(serve))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A level of 0.2 s, at most 0.4 s, with 0.2 s of grace. It must end soon after, on a busy machine too.
async fn run(url: &str, request_timeout: Duration) -> (Result<LevelRecords, Error>, Progress) {
    let shape = LoadShape::Closed { streams: 2 };
    let plan = LevelPlan {
        warmup_seconds: 0.0,
        max_seconds: 0.4,
        grace: Duration::from_millis(200),
        request_timeout,
        ..LevelPlan::new(shape, 0.2, 16, 8, 42)
    };
    let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());
    let (sender, progress) = watch::channel(Progress::default());
    let mut target = Target::new(url.parse().unwrap(), EngineKind::Truth, "truth");
    target.api_key = Some("sk-very-secret".to_owned());
    let began = Instant::now();
    let level = run_level(&target, &plan, &prompts, sender, CancellationToken::new());
    let level = tokio::time::timeout(Duration::from_secs(20), level).await.expect("it hangs");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let last = progress.borrow().clone();
    (level, last)
}

/// The code and sample of a level that failed as a whole.
async fn failed(url: &str) -> (String, String) {
    match run(url, Duration::from_mins(1)).await.0.unwrap_err() {
        Error::EveryRequestFailed { code, sample, .. } => (code, sample),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_is_cut_off_after_the_grace() {
    let (url, _server) = hostile(|mut stream, _| async move {
        let token = chunk(TOKEN);
        let _ = stream.write_all(SSE.as_bytes()).await;
        while stream.write_all(token.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let level = run(&url, Duration::from_mins(1)).await.0.unwrap();
    assert_eq!(level.records.len(), 2);
    for record in &level.records {
        assert_eq!(record.outcome, Outcome::CutOff);
        assert!(record.arrivals_us.len() > 8 && record.end_us >= 600_000, "{}", record.end_us);
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_never_says_a_word_is_cut_off_or_times_out_under_its_code() {
    let (url, _server) = hostile(|stream, _| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let level = run(&url, Duration::from_mins(1)).await.0.unwrap();
    assert!(
        level.records.iter().all(|record| record.outcome == Outcome::CutOff && record.arrivals_us.is_empty())
    );
    let (level, progress) = run(&url, Duration::from_millis(30)).await;
    let code = level.map_or_else(|error| error.to_string(), |_| progress.error_samples[0].code.clone());
    assert!(code.contains("timeout"), "{code}");
}

#[tokio::test]
async fn garbage_instead_of_http_endless_heads_and_endless_events_have_their_codes() {
    let (url, _server) = hostile(|mut stream, _| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    })
    .await;
    assert_eq!(failed(&url).await.0, "malformed_http");
    let (url, _server) = hostile(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-Pad: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n").await.is_ok() {
        }
    })
    .await;
    assert_eq!(failed(&url).await.0, "malformed_http");
    let (url, _server) = hostile(|mut stream, _| async move {
        let _ = stream.write_all(SSE.as_bytes()).await;
        let line = chunk(&format!("data: {}", "x".repeat(60_000)));
        while stream.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    assert_eq!(failed(&url).await.0, "malformed_stream");
}

#[tokio::test]
async fn a_chunk_size_that_is_none_and_a_body_cut_short_have_their_codes() {
    let (url, _server) = hostile(|mut stream, _| async move {
        let _ = stream.write_all(format!("{SSE}zz\r\n").as_bytes()).await;
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await;
    assert_eq!(failed(&url).await.0, "malformed_http");
    let (url, _server) = hostile(|mut stream, _| async move {
        let _ = stream.write_all(format!("{SSE}{}", chunk(TOKEN)).as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    assert_eq!(failed(&url).await.0, "truncated_stream");
}

#[tokio::test]
async fn what_a_server_repeats_of_key_and_prompt_is_never_in_a_sample() {
    let (url, _server) = hostile(|mut stream, request| async move {
        let key = request.lines().find(|line| line.starts_with("Authorization")).unwrap().to_owned();
        let prompt = request.split("\"prompt\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let body = format!("{{\"error\":{{\"message\":\"no: {key}; you sent [{prompt}]\"}}}}");
        let head = format!("HTTP/1.1 400 Bad\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    })
    .await;
    let (code, sample) = failed(&url).await;
    assert_eq!(code, "http_400");
    assert!(sample.starts_with("no: Authorization: Bearer ***; you sent […"), "{sample}");
    assert!(sample.chars().count() < 60, "nothing of the prompt is left: {sample}");
}

#[tokio::test]
async fn an_hour_of_retry_after_does_not_keep_a_level_open() {
    let (url, _server) = hostile(|mut stream, _| async move {
        let answer = "HTTP/1.1 429 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let (level, progress) = run(&url, Duration::from_mins(1)).await;
    let level = level.unwrap();
    assert_eq!(level.records.len(), 2, "each stream asked once and waited");
    assert_eq!(progress.error_samples[0].code, "http_429");
    assert!(
        level.records.iter().all(|record| record.outcome == Outcome::Errored { code: "http_429".to_owned() })
    );
}
