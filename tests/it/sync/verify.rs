//! Comparing both sides: what is missing, different or too much is found, named and repaired; what readers write isn't.

use mongodb::bson::{Bson, doc};

use super::{Pair, ours};
use crate::support::published::ten;
use dria_bench::store::{
    outbox,
    publications::{Origin, PublishedRun},
};

/// The names of collections that differ, with the numbers of what is missing, different and too much.
fn differences(verified: &dria_bench::sync::Verified) -> Vec<(&str, usize, usize, usize)> {
    let wrong = verified.collections.iter().filter(|checked| !checked.equal);
    wrong.map(|it| (it.collection, it.missing.len(), it.different.len(), it.extra.len())).collect()
}

#[tokio::test]
async fn equal_sides_have_equal_counts_and_hashes_and_what_readers_write_is_no_difference() {
    let pair = Pair::new().await;
    pair.publish("pod-a", 0).await;
    pair.publish("pod-b", 1).await;
    pair.sign_in(7).await;
    pair.send_all().await;
    let theirs = doc! { "$inc": { "likes": 3 }, "$set": { "user_likes": [1, 2, 3], "theirs": true } };
    pair.update("pod_benchmarks", doc! {}, theirs).await;
    pair.update("users", doc! {}, doc! { "$set": { "last_login": mongodb::bson::DateTime::now() } }).await;
    pair.there.insert("users", vec![doc! { "github_id": 99, "username": "theirs" }]).await;
    pair.there.insert("comments", vec![doc! { "pod_id": "pod-a", "comment": "theirs" }]).await;
    let verified = pair.verify(false).await;
    assert_eq!(differences(&verified), []);
    assert!(verified.is_equal());
    for checked in &verified.collections {
        assert_eq!(checked.sha256_here, checked.sha256_there, "{}", checked.collection);
        assert_eq!(checked.here, checked.there, "{}", checked.collection);
    }
    assert_eq!(verified.collections[1].here, 20);
}

#[tokio::test]
async fn what_is_missing_different_or_too_much_there_is_found_and_repaired() {
    let pair = Pair::new().await;
    for (pod_id, minute) in [("pod-a", 0), ("pod-b", 1), ("pod-c", 2)] {
        pair.publish(pod_id, minute).await;
    }
    pair.sign_in(7).await;
    pair.send_all().await;
    pair.delete("pod_benchmarks", doc! { "pod_id": "pod-a" }).await;
    pair.delete("benchmark_results", doc! { "pod_id": "pod-b", "rate": 4 }).await;
    let wrong = doc! { "$set": { "tokens_per_second": 1.0, "sync_version": 99_i64 } };
    pair.update("benchmark_results", doc! { "pod_id": "pod-c", "rate": Bson::Null }, wrong).await;
    let liked = doc! { "$inc": { "likes": 1 }, "$push": { "user_likes": 9 } };
    pair.update("pod_benchmarks", doc! { "pod_id": "pod-c" }, liked).await;
    pair.update("users", doc! {}, doc! { "$set": { "username": "mallory" } }).await;
    let ghost = doc! { "pod_id": "pod-x", "sync_version": 1_i64 };
    pair.there.insert("pod_benchmarks", vec![ghost.clone()]).await;
    pair.there.insert("benchmark_suite_results", vec![ghost]).await;
    let more = doc! { "pod_id": "pod-c", "benchmark_type": "concurrent", "rate": 12, "sync_version": 1_i64 };
    pair.there.insert("benchmark_results", vec![more]).await;

    let found = pair.verify(false).await;
    assert_eq!(
        differences(&found),
        [
            ("pod_benchmarks", 1, 0, 1),
            ("benchmark_results", 1, 1, 1),
            ("benchmark_suite_results", 0, 0, 1),
            ("users", 0, 1, 0)
        ]
    );
    assert_eq!(found.collections[0].missing, ["pod-a"]);
    assert_eq!(found.collections[1].missing, ["pod-b concurrent 4"]);
    assert_eq!(found.collections[1].different, ["pod-c throughput"]);
    assert_ne!(found.collections[1].sha256_here, found.collections[1].sha256_there);
    assert_eq!(found.repaired, 0);

    let repaired = pair.verify(true).await;
    assert_eq!(differences(&repaired), differences(&found), "it says what it found");
    assert_eq!(repaired.repaired, 6, "three runs, somebody, and two that are nobody's");
    assert_eq!(differences(&pair.verify(false).await), []);
    let liked = pair.one("pod_benchmarks", doc! { "pod_id": "pod-c" }).await;
    assert_eq!(liked.get_i32("likes").unwrap(), 1, "readers' own stays");
}

#[tokio::test]
async fn what_was_imported_from_there_never_goes_back() {
    let pair = Pair::new().await;
    let from = |database: &str| Origin::Imported(format!("mongodb:{database}"));
    let own = PublishedRun { origin: from(pair.target.name()), ..ours("pod-own", 0) };
    let other = PublishedRun { origin: from("elsewhere"), ..ours("pod-other", 1) };
    for run in [&own, &other] {
        pair.write(run, &ten()).await;
    }
    let mut conn = pair.here.pool.acquire().await.unwrap();
    pair.here
        .execute(format!(
            "insert into users (github_id, username, email, imported_from) values (7, 'ann', '', 'mongodb:{}')",
            pair.target.name()
        ))
        .await;
    // Whoever asks for it.
    outbox::append(&mut conn, outbox::Aggregate::Run, "pod-own", 1).await.unwrap();
    outbox::append(&mut conn, outbox::Aggregate::User, "7", 1).await.unwrap();
    outbox::append_all(&mut conn, pair.target.name()).await.unwrap();
    pair.send_all().await;
    assert_eq!(super::pods(&pair.stored("pod_benchmarks").await), ["pod-other"]);
    assert_eq!(pair.stored("users").await.len(), 0);
    let verified = pair.verify(true).await;
    assert!(verified.is_equal() && verified.repaired == 0, "{verified:?}");
    assert_eq!(super::pods(&pair.stored("pod_benchmarks").await), ["pod-other"]);
}
