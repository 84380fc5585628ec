//! Votes, people, comments, conversations and prices as other readers find them, who write there too.

use dria_bench::{
    community::{self, Change, Draft, Moderator},
    store::{
        chat_logs::{self, NewChatLog},
        outbox::{self, Aggregate},
    },
    sync::{self, Target},
};
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use serde_json::json;

use super::{
    Pair,
    documents::{CHAT, COMMENT, HOUR, PRICE, USER, check},
};
use crate::support::prices;

async fn post(pair: &Pair, github_id: i64, parent_id: Option<&str>, text: &str) -> String {
    let who = pair.sign_in(github_id).await;
    let draft = Draft { pod_id: "pod-a", parent_id, text };
    let posted = community::post(&pair.here.pool, &Moderator::by_rules(), &who, &draft).await;
    posted.unwrap().id
}

fn likers(document: &Document) -> Vec<i64> {
    let number = |id: &Bson| id.as_i64().or(id.as_i32().map(i64::from)).unwrap();
    document.get_array("user_likes").unwrap().iter().map(number).collect()
}

fn id(text: &str) -> Document {
    doc! { "_id": ObjectId::parse_str(text).unwrap() }
}

#[tokio::test]
async fn votes_go_one_by_one_beside_those_of_readers_and_a_replay_changes_nothing() {
    let pair = Pair::new().await;
    let (ann, ben) = (pair.sign_in(7).await, pair.sign_in(5_000_000_000).await);
    pair.publish("pod-a", 0).await;
    community::upvote(&pair.here.pool, "pod-a", &ann, true).await.unwrap();
    pair.send_all().await;
    let run = pair.one("pod_benchmarks", doc! {}).await;
    assert_eq!(
        (run.get_i32("likes").unwrap(), likers(&run)),
        (1, vec![7]),
        "the run brings its vote, which counts once"
    );

    let theirs = doc! { "$inc": { "likes": 1 }, "$push": { "user_likes": 99 } };
    pair.update("pod_benchmarks", doc! { "pod_id": "pod-a" }, theirs).await;
    community::upvote(&pair.here.pool, "pod-a", &ben, true).await.unwrap();
    pair.send_all().await;
    community::upvote(&pair.here.pool, "pod-a", &ann, false).await.unwrap();
    pair.send_all().await;
    for _ in 0..2 {
        let run = pair.one("pod_benchmarks", doc! {}).await;
        assert_eq!((run.get_i32("likes").unwrap(), likers(&run)), (2, vec![99, 5_000_000_000]));
        pair.here.execute("update outbox set sent_at = null").await;
        pair.send_all().await;
    }
}

#[tokio::test]
async fn somebody_who_signs_in_is_there_and_what_readers_wrote_of_them_stays() {
    let pair = Pair::new().await;
    pair.sign_in(7).await;
    pair.send_all().await;
    let user = pair.one("users", doc! {}).await;
    check(&user, USER);
    assert_eq!((user.get_str("email").unwrap(), user.get("avatar_url")), ("", Some(&Bson::Null)));
    let last = DateTime::parse_rfc3339_str("2030-01-01T00:00:00Z").unwrap();
    pair.update("users", doc! { "github_id": 7 }, doc! { "$set": { "last_login": last } }).await;
    pair.here.execute("update users set username = 'ann', version = version + 1").await;
    pair.here.execute("update outbox set sent_at = null").await;
    pair.send_all().await;
    let user = pair.one("users", doc! {}).await;
    assert_eq!((user.get_str("username").unwrap(), user.get_datetime("last_login").unwrap()), ("ann", &last));

    pair.here.execute("delete from users").await;
    pair.here.execute("update outbox set sent_at = null").await;
    pair.send_all().await;
    assert_eq!(pair.stored("users").await, [], "who deletes their data is gone there too");
}

#[tokio::test]
async fn comments_follow_what_is_seen_and_say_nobodys_address() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    let top = post(&pair, 7, None, "Fast!").await;
    let reply = post(&pair, 8, Some(&top), "Not here.").await;
    let ben = pair.sign_in(8).await;
    community::like(&pair.here.pool, &top, &ben, true).await.unwrap();
    pair.send_all().await;
    let found = pair.one("comments", id(&top)).await;
    check(&found, COMMENT);
    assert_eq!((found.get_str("user_email").unwrap(), found.get("parent_id")), ("", Some(&Bson::Null)));
    assert_eq!((found.get_i32("reply_count").unwrap(), found.get_i32("depth").unwrap()), (1, 0));
    assert_eq!((found.get_i32("likes").unwrap(), likers(&found)), (1, vec![8]));
    let answer = pair.one("comments", id(&reply)).await;
    check(&answer, COMMENT);
    assert_eq!((answer.get_str("parent_id").unwrap(), answer.get_i32("depth").unwrap()), (top.as_str(), 1));

    // Readers like it too, and answer.
    let liked = doc! { "$inc": { "likes": 1 }, "$push": { "user_likes": 99 } };
    pair.update("comments", id(&top), liked).await;
    let theirs =
        doc! { "pod_id": "pod-a", "comment": "Theirs", "parent_id": &top, "likes": 0, "user_likes": [] };
    pair.there.insert("comments", vec![theirs]).await;
    let ann = pair.sign_in(7).await;
    community::like(&pair.here.pool, &top, &ann, true).await.unwrap();
    community::like(&pair.here.pool, &top, &ben, false).await.unwrap();
    let change = Change { id: &top, text: "Very fast!", version: None };
    community::edit(&pair.here.pool, &Moderator::by_rules(), &ann, &change).await.unwrap();
    for _ in 0..2 {
        pair.send_all().await;
        let found = pair.one("comments", id(&top)).await;
        assert_eq!(found.get_str("comment").unwrap(), "Very fast!");
        assert_eq!((found.get_i32("likes").unwrap(), likers(&found)), (2, vec![99, 7]));
        pair.here.execute("update outbox set sent_at = null").await;
    }
    assert!(pair.verify(false).await.is_equal());

    community::hide(&pair.here.pool, &top, "spam", "a moderator").await.unwrap();
    pair.send_all().await;
    let left = pair.stored("comments").await;
    assert_eq!(left.len(), 1, "it and our reply are not seen: {left:?}");
    assert_eq!(left[0].get_str("comment").unwrap(), "Theirs");
    assert!(pair.verify(false).await.is_equal());
    community::keep(&pair.here.pool, &top, "a moderator").await.unwrap();
    pair.send_all().await;
    assert_eq!(pair.stored("comments").await.len(), 3);
    community::delete(&pair.here.pool, &ann, &top).await.unwrap();
    pair.send_all().await;
    assert_eq!(pair.stored("comments").await.len(), 1);
    assert!(pair.verify(false).await.is_equal());
}

#[tokio::test]
async fn conversations_are_published_only_where_that_is_wanted() {
    let mut pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    let log = NewChatLog {
        conversation: None,
        pod_id: Some("pod-a"),
        github_id: 7,
        username: "ann",
        user_avatar: None,
        user_message: "How fast?",
        ai_response: "1207 tokens/s",
        tool_calls: &json!([]),
        model: "a-model",
        prompt_tokens: 10,
        completion_tokens: 5,
    };
    let mut conn = pair.here.pool.acquire().await.unwrap();
    let (key, _) = chat_logs::insert(&mut conn, &log).await.unwrap();
    outbox::append(&mut conn, Aggregate::ChatLog, &key, 1).await.unwrap();
    pair.send_all().await;
    assert_eq!(pair.stored("chat_logs").await, []);

    pair.settings.publish_chat_logs = true;
    pair.target = Target::open(&pair.settings).await.unwrap();
    outbox::append_all(&mut conn, pair.target.name()).await.unwrap();
    pair.send_all().await;
    let found = pair.one("chat_logs", doc! {}).await;
    check(&found, CHAT);
    assert_eq!(found.get_object_id("_id").unwrap().to_hex(), key);
    assert_eq!(found.get_str("user_email").unwrap(), "");
    let verified = pair.verify(false).await;
    assert!(verified.is_equal() && verified.collections.iter().any(|it| it.collection == "chat_logs"));

    chat_logs::delete(&mut conn, &key).await.unwrap();
    outbox::append(&mut conn, Aggregate::ChatLog, &key, 2).await.unwrap();
    pair.send_all().await;
    assert_eq!(pair.stored("chat_logs").await, []);
}

#[tokio::test]
async fn prices_are_the_cheapest_of_each_gpu_and_platform_and_a_line_an_hour() {
    let pair = Pair::new().await;
    prices::say(
        &pair.here,
        &[
            ("runpod", "NVIDIA H200", 1, "3.99", "secure", 1, true),
            ("runpod", "NVIDIA H200", 1, "3.59", "community", 1, true),
            ("vast.ai", "NVIDIA H200", 1, "2.5", "", 0, true),
            ("vast.ai", "NVIDIA B200", 1, "5", "", 48, true),
        ],
    )
    .await;
    let mut conn = pair.here.pool.acquire().await.unwrap();
    assert_eq!(outbox::append_all(&mut conn, pair.target.name()).await.unwrap(), 3);
    pair.send_all().await;
    let found = pair.stored("gpu_pricing_processed").await;
    assert_eq!(found.len(), 2, "what wasn't seen for two days is no price of today: {found:?}");
    for document in &found {
        check(document, PRICE);
        // MD5 of `h200 sxm`.
        assert_eq!(document.get_str("gpu_id").unwrap(), "ba7a918b0c8f529b3cd3f13bd74eafd1");
    }
    let at_runpod = pair.one("gpu_pricing_processed", doc! { "platform": "runpod" }).await;
    assert_eq!(at_runpod.get("price"), Some(&Bson::Double(3.59)));
    assert_eq!(at_runpod.get_str("normalized_name").unwrap(), "H200 SXM");
    let hour = pair.one("gpu_pricing_hourly_summary", doc! {}).await;
    check(&hour, HOUR);
    assert_eq!(hour.get_datetime("timestamp").unwrap().timestamp_millis() % 3_600_000, 0);
    assert_eq!(hour.get_array("platforms").unwrap(), &vec![Bson::from("runpod"), Bson::from("vast.ai")]);
    assert_eq!(hour.get_document("price_range").unwrap(), &doc! { "min": 2.5, "max": 3.59 });
    let counts = hour.get_document("gpu_count_by_platform").unwrap();
    assert_eq!(counts, &doc! { "runpod": 1, "vast.ai": 1 });
    assert!(pair.verify(false).await.is_equal());

    // What is gone makes way for what was seen before it.
    pair.here.execute("update latest_prices set withdrawn_at = now() where tier = 'community'").await;
    pair.here.execute("update outbox set sent_at = null").await;
    pair.send_all().await;
    let at_runpod = pair.one("gpu_pricing_processed", doc! { "platform": "runpod" }).await;
    assert_eq!(at_runpod.get("price"), Some(&Bson::Double(3.99)));
    assert!(sync::verify(&pair.here.pool, &pair.target, false).await.unwrap().is_equal());
}
