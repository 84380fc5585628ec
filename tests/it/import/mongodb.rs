//! A database in the shape that is published, with documents of every age.

use chrono_tz::Tz;
use dria_bench::{
    api, config, http,
    import::{Error, Report},
    store::publications,
    sync,
};
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use serde_json::{Value, json};

use super::{counts, reasons};
use crate::support::{
    database::TestDatabase,
    drain::Bench,
    mongo::Mongo,
    program::{end_of, program},
};

const COMMENT: &str = "0123456789abcdef01234567";
const REPLY: &str = "0123456789abcdef01234568";

fn day(text: &str) -> DateTime {
    DateTime::parse_rfc3339_str(text).unwrap()
}

/// A run as it is published today.
fn run(pod_id: &str) -> Document {
    doc! {
        "pod_id": pod_id, "pod_url": format!("https://{pod_id}-8000.proxy.runpod.net"),
        "time_taken_to_start_server": 298_i32, "time_taken_to_start_ollama_server": 298_i32, "time_taken_to_upload_llm": 121_i64,
        "llm_id": "meta-llama/Llama-2-7b-chat-hf", "llm_common_name": "Llama2-7B", "llm_parameter_size": "7b",
        "gpu_id": "NVIDIA H200", "gpu_count": 1_i32, "volume_in_gb": 200_i32, "container_disk_in_gb": 50_i32, "port": 8000_i32,
        "inference_name": "VLLM", "server_type": "Runpod", "benchmark_type": ["concurrent", "throughput"],
        "created_at": day("2025-07-14T15:45:40.372Z"), "benchmark_duration": 371.02,
        "pod_cost": { "pod_id": pod_id, "uptime_seconds": 1800_i32, "cost_per_hr": 3.99, "used_balance": 1.995 },
        "likes": 2_i32, "user_likes": [7_i32, 8_i32], "icon_url": "https://example.org/llama.svg",
    }
}

fn result(pod_id: &str, kind: &str, rate: Option<i32>) -> Document {
    doc! {
        "pod_id": pod_id, "benchmark_type": kind, "rate": rate, "max_number": 100_i32, "warmup_number": Bson::Null,
        "benchmark_duration": 30.0, "total_requests": 733_i32, "successful_requests": 730_i32, "requests_per_second": 19.5,
        "request_concurrency": 64.0, "request_latency": 3.25, "prompt_token_count": 51.83, "output_token_count": 70.02,
        "time_to_first_token_ms": 812.4401, "time_per_output_token_ms": 35.0, "inter_token_latency_ms": 34.5,
        "output_tokens_per_second": 1207.331, "tokens_per_second": 2101.0, "timestamp": 1_752_508_000.5,
    }
}

/// The documents of one whole run, and of everything around it.
async fn whole(mongo: &Mongo) {
    let mut results: Vec<Document> = (1..=9).map(|rate| result("pod-a", "concurrent", Some(rate))).collect();
    results.push(result("pod-a", "throughput", None));
    mongo.insert("benchmark_results", results).await;
    mongo.insert("pod_benchmarks", vec![run("pod-a")]).await;
    let suite = doc! {
        "pod_id": "pod-a", "framework": "VLLM", "timestamp": 1_752_508_000.5,
        "suite_results": {
            "pod_id": "pod-a", "start_time": 1_752_507_600.0, "end_time": 1_752_508_000.0,
            "failures": [{ "test_type": "concurrent", "rate": 9_i32, "error": "timed out" },
                         { "test_type": "throughput", "error": "out of memory" }],
            "error_summary": { "timeout": 1_i32 },
        },
    };
    mongo.insert("benchmark_suite_results", vec![suite]).await;
    let ann = doc! {
        "github_id": 7_i32, "username": "ann", "email": "ann@example.org", "avatar_url": Bson::Null,
        "created_at": day("2025-07-01T00:00:00Z"), "last_login": day("2025-07-20T00:00:00Z"),
    };
    mongo.insert("users", vec![ann]).await;
    let comment = |id: &str, parent: Bson, likers: Vec<i32>| {
        doc! {
            "_id": ObjectId::parse_str(id).unwrap(), "pod_id": "pod-a", "comment": "Fast!", "likes": i32::try_from(likers.len()).unwrap(),
            "user_likes": likers, "created_at": day("2025-07-15T00:00:00Z"), "user_id": 7_i32, "username": "ann",
            "user_email": "", "user_avatar": Bson::Null, "parent_id": parent, "depth": 0_i32, "ranking_score": 1.5,
        }
    };
    // The reply is stored first.
    mongo
        .insert(
            "comments",
            vec![comment(REPLY, COMMENT.into(), vec![]), comment(COMMENT, Bson::Null, vec![8, 9])],
        )
        .await;
    let chat = doc! {
        "_id": ObjectId::new(), "user_message": "How fast?", "ai_response": "**1207** tokens/s",
        "timestamp": day("2025-07-15T00:00:00Z"), "pod_id": "pod-a", "is_authenticated": true, "user_id": 7_i32,
        "username": "ann", "user_email": "", "user_avatar": Bson::Null,
    };
    mongo.insert("chat_logs", vec![chat]).await;
    let price = |name: &str, platform: &str, price: Bson| {
        doc! { "gpu_id": "x", "name": name, "original_name": name, "normalized_name": name, "platform": platform, "price": price,
        "updated_at": day("2025-07-15T00:00:00Z") }
    };
    let prices = vec![
        price("NVIDIA H200", "runpod", 3.99.into()),
        price("NVIDIA H200", "vast.ai", "".into()),
        price("NVIDIA H200", "lambda", 0_i32.into()),
        price("GPU of my own", "lambda", 1.0.into()),
    ];
    mongo.insert("gpu_pricing_processed", prices).await;
}

async fn import(database: &TestDatabase, mongo: &Mongo) -> Report {
    sync::import::import(&database.pool, &mongo.url, mongo.database.name(), Tz::UTC).await.unwrap()
}

async fn ask(database: &TestDatabase, path: &str) -> Value {
    let server = api::serve(&config::Server::default(), database.pool.clone()).await.unwrap();
    let response = http::client(None).unwrap().get(format!("{}{path}", server.url())).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_taken_once_marked_and_not_asked_to_be_sent_back() {
    let (database, mongo) = (TestDatabase::new().await, Mongo::start().await);
    whole(&mongo).await;
    let first = import(&database, &mongo).await;
    for (part, taken) in [
        ("runs", 1),
        ("results", 10),
        ("votes", 2),
        ("users", 1),
        ("comments", 2),
        ("chat_logs", 1),
        ("prices", 1),
    ] {
        assert_eq!(counts(&first, part).0, taken, "{part}: {first:?}");
    }
    assert_eq!(
        reasons(&first, "prices"),
        [
            ("NVIDIA H200 vast.ai", "its price is not known"),
            ("NVIDIA H200 lambda", "its price is not known"),
            ("GPU of my own lambda", "its name leads to no GPU of the catalog"),
        ]
    );
    assert_eq!(first.skipped.len(), 3, "{first:?}");

    let answer = ask(&database, "/benchmark_results?pod_id=pod-a").await;
    insta::assert_json_snapshot!("imported", answer);
    let options = ask(&database, "/get_gpu_prices_by_platform").await;
    assert_eq!(options["gpu_prices"], json!([{ "platform": "runpod", "name": "H200 SXM", "price": 3.99 }]));
    let stored =
        publications::get(&mut database.pool.acquire().await.unwrap(), "pod-a").await.unwrap().unwrap();
    let failures: Vec<String> =
        stored.run.failures.iter().map(|failure| format!("{:?}", failure.kind)).collect();
    assert_eq!(failures, ["Timeout", "MemoryError"]);
    assert_eq!(stored.run.suite_started_at.unwrap().timestamp(), 1_752_507_600);

    for table in ["published_runs", "users", "comments", "chat_logs"] {
        let marked =
            format!("select count(*) from {table} where imported_from = 'mongodb:{}'", mongo.database.name());
        let marked: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(marked)).fetch_one(&database.pool).await.unwrap();
        assert!(marked > 0, "{table}");
    }
    let counted = database
        .count("select count(*) from comments where (id, likes, reply_count) = ('0123456789abcdef01234567', 2, 1)")
        .await;
    assert_eq!(counted, 1);
    assert_eq!(database.count("select count(*) from outbox").await, 0);

    let again = import(&database, &mongo).await;
    assert!(again.changed_nothing(), "{again:?}");
    assert_eq!((counts(&again, "runs"), counts(&again, "comments")), ((0, 1, 0, 0), (0, 2, 0, 0)));
    assert_eq!(again.skipped, first.skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_and_hostile_documents_survive_and_of_twins_the_first_stored_counts() {
    let (database, mongo) = (TestDatabase::new().await, Mongo::start().await);
    let mut old = run("old");
    for field in [
        "likes",
        "user_likes",
        "icon_url",
        "gpu_count",
        "benchmark_type",
        "pod_cost",
        "benchmark_duration",
        "time_taken_to_start_server",
    ] {
        old.remove(field);
    }
    // A run of Ollama, cut short.
    let mut throughput = result("old", "throughput", None);
    throughput.remove("rate");
    throughput.remove("timestamp");
    throughput.insert("benchmark_run_timestamp", day("2025-07-14T16:00:00Z"));
    let mut twin = result("old", "throughput", None);
    twin.insert("output_tokens_per_second", 1.0);
    let mut nan = result("old", "concurrent", Some(2));
    nan.insert("request_latency", f64::NAN);
    let mut none = result("old", "concurrent", Some(3));
    none.insert("successful_requests", 0_i32);
    let mut double = result("old", "concurrent", None);
    double.insert("rate", 1.0);
    mongo
        .insert(
            "benchmark_results",
            vec![
                throughput,
                twin,
                nan,
                none,
                double,
                result("old", "concurrent", None),
                result("old", "burst", Some(1)),
                result("nobody", "throughput", None),
                doc! { "benchmark_type": "throughput" },
            ],
        )
        .await;
    let mut second = run("old");
    second.insert("llm_common_name", "Other");
    let mut counted = run("counted");
    counted.insert("user_likes", vec![7_i32]);
    mongo
        .insert(
            "pod_benchmarks",
            vec![
                old,
                second,
                counted,
                run("no/good"),
                doc! { "pod_id": 7_i32 },
                doc! { "pod_id": "bare", "port": "many", "created_at": "yesterday", "pod_cost": "free", "gpu_count": -3_i32,
                       "llm_id": { "$where": "1" }, "user_likes": "all" },
            ],
        )
        .await;
    let orphan = |id: &str, parent: Bson| {
        doc! { "_id": ObjectId::parse_str(id).unwrap(), "pod_id": "nobody", "comment": "?", "user_id": 7_i32, "parent_id": parent,
        "created_at": day("2025-07-15T00:00:00Z") }
    };
    mongo
        .insert(
            "comments",
            vec![orphan(COMMENT, "".into()), orphan(REPLY, "junk".into()), doc! { "_id": 5_i32 }],
        )
        .await;
    mongo.insert("users", vec![doc! { "github_id": "x" }, doc! { "github_id": 7_i32 }]).await;
    mongo.insert("chat_logs", vec![doc! { "user_message": "?" }]).await;

    let report = import(&database, &mongo).await;
    assert_eq!(counts(&report, "runs"), (3, 0, 0, 3), "{report:?}");
    assert_eq!(counts(&report, "results"), (2, 0, 0, 7), "{report:?}");
    assert_eq!(
        (counts(&report, "comments").3, counts(&report, "users").3, counts(&report, "chat_logs").3),
        (3, 2, 1)
    );
    let told = reasons(&report, "results");
    for (what, why) in [
        ("old throughput", "a twin of it was stored before it"),
        ("old concurrent 2", "its request_latency is missing or no number"),
        ("old concurrent 3", "none of its requests was answered"),
        ("nobody throughput", "there is no run of this pod_id"),
    ] {
        assert!(told.contains(&(what, why)), "{what}: {told:?}");
    }
    assert!(reasons(&report, "votes")[0].1.contains("counts 2 votes and lists 1"), "{report:?}");

    let answer = ask(&database, "/benchmark_results?pod_id=old").await;
    assert_eq!(
        (&answer["model_name"], &answer["avg_throughput"], &answer["container_setup"], &answer["likes"]),
        (&json!("Llama2-7B"), &json!(1207.331), &json!(298), &json!(0))
    );
    assert_eq!((&answer["cost"], &answer["test_duration"]), (&Value::Null, &Value::Null));
    assert_eq!(answer["graph_info"], json!([{ "x": 1, "y": 3.25 }]));
    let all = ask(&database, "/get_all_benchmarks").await;
    assert_eq!(all["pagination"]["total_items"], 1, "the others have no throughput result");
    assert!(import(&database, &mongo).await.changed_nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_measured_here_stays_as_it_was_measured_and_gets_the_votes_it_lacks() {
    let (bench, mongo) = (Bench::new(&[1], |_| {}).await, Mongo::start().await);
    bench.drain().await;
    let pod_id = bench.run().await.public_id.unwrap();
    mongo.insert("benchmark_results", vec![result(&pod_id, "throughput", None)]).await;
    mongo.insert("pod_benchmarks", vec![run(&pod_id)]).await;
    let before =
        publications::get(&mut bench.database.pool.acquire().await.unwrap(), &pod_id).await.unwrap().unwrap();
    let report = import(&bench.database, &mongo).await;
    assert_eq!((counts(&report, "runs"), counts(&report, "votes").0), ((0, 0, 1, 0), 2));
    let after =
        publications::get(&mut bench.database.pool.acquire().await.unwrap(), &pod_id).await.unwrap().unwrap();
    assert_eq!((&after.run, &after.results), (&before.run, &before.results));
    assert_eq!(after.upvoters, [7, 8]);
    assert_eq!(bench.database.count("select upvotes::bigint from published_runs").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_did_here_since_the_first_import_stays() {
    let (database, mongo) = (TestDatabase::new().await, Mongo::start().await);
    whole(&mongo).await;
    import(&database, &mongo).await;
    database
        .execute(
            "update comments set comment = 'Slow', edited_at = now() where parent_id is null;
             update users set imported_from = null, email = 'new@example.org';
             insert into run_upvotes (pod_id, github_id) values ('pod-a', 99);
             update published_runs set upvotes = upvotes + 1;",
        )
        .await;
    let again = import(&database, &mongo).await;
    assert!(again.changed_nothing(), "{again:?}");
    assert_eq!(counts(&again, "users"), (0, 0, 1, 0));
    assert_eq!(database.count("select count(*) from comments where comment = 'Slow'").await, 1);
    assert_eq!(database.count("select count(*) from users where email = 'new@example.org'").await, 1);
    assert_eq!(database.count("select upvotes::bigint from published_runs").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_reads_local_times_and_says_what_it_can_not_reach_without_the_urls_secrets() {
    let (database, mongo) = (TestDatabase::new().await, Mongo::start().await);
    whole(&mongo).await;
    let import = |url: &str, name: &str| {
        let mut command = program();
        command.env("DATABASE_URL", &database.url).env("HOME", "/nowhere");
        command.args([
            "import",
            "mongodb",
            "--json",
            "--timezone",
            "Europe/Istanbul",
            "--from",
            url,
            "--database",
            name,
        ]);
        end_of(&mut command)
    };
    let ended = import(&mongo.url, mongo.database.name());
    assert_eq!((ended.code, &ended.json()["parts"]["runs"]["taken"]), (Some(0), &json!(1)), "{ended:?}");
    let made: String =
        sqlx::query_scalar("select to_char(created_at at time zone 'UTC', 'HH24:MI:SS') from published_runs")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(made, "12:45:40");
    let empty = import(&mongo.url, "nothing_here");
    assert_eq!(empty.code, Some(3));
    assert!(empty.stderr.contains("no collection pod_benchmarks"), "{empty:?}");
    let away = import("mongodb://ann:hush@127.0.0.1:1/?serverSelectionTimeoutMS=100", "x");
    assert_eq!(away.code, Some(3), "{away:?}");
    assert!(!away.stderr.contains("hush"), "{away:?}");
    let nonsense = sync::import::import(&database.pool, "mongo:/ann:hush@x", "x", Tz::UTC).await;
    assert!(matches!(&nonsense, Err(Error::Source(reason)) if !reason.contains("hush")), "{nonsense:?}");
}
