//! Comparing the copy with what it is a copy of, both ways: what is missing there, what differs, what is ours there and
//! isn't here. Fields that readers write, and fields of theirs, don't count.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{
    Error, Target,
    documents::{self, RunDocuments, Unfit, Upsert, VERSION, digest},
    fault::Fault,
    send::{is_published, named_prices, send_runs},
};
use crate::store::{
    outbox::{self, Aggregate},
    outgoing, publications,
};

/// Runs that are compared at once.
const PAGE: i64 = 100;
/// Keys that are named at most, of each kind of difference and collection.
const NAMED: usize = 50;

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// By collection.
    pub collections: Vec<Checked>,
    /// Documents that were written or deleted because of it.
    pub repaired: u64,
}

/// One collection.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Its name.
    pub collection: &'static str,
    /// Documents that should be there.
    pub here: u64,
    /// Documents of ours that are there.
    pub there: u64,
    /// SHA-256 over the documents that should be there, hex.
    pub sha256_here: String,
    /// The same over those that are there: equal where nothing is missing, different or too much.
    pub sha256_there: String,
    /// Keys of those that are missing, at most 50.
    pub missing: Vec<String>,
    /// Keys of those that differ, at most 50.
    pub different: Vec<String>,
    /// Keys of those that are ours and should not be there, at most 50.
    pub extra: Vec<String>,
    /// Whether both sides are equal.
    pub equal: bool,
}

impl Verified {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.collections.iter().all(|checked| checked.equal)
    }
}

/// Both sides of a collection while it is gone through.
struct Tally {
    collection: &'static str,
    here: u64,
    there: u64,
    hash_here: Sha256,
    hash_there: Sha256,
    missing: Vec<String>,
    different: Vec<String>,
    extra: Vec<String>,
    wrong: u64,
}

impl Tally {
    fn new(collection: &'static str) -> Self {
        Self {
            collection,
            here: 0,
            there: 0,
            hash_here: Sha256::new(),
            hash_there: Sha256::new(),
            missing: Vec::new(),
            different: Vec::new(),
            extra: Vec::new(),
            wrong: 0,
        }
    }

    fn name(list: &mut Vec<String>, key: String) {
        if list.len() < NAMED {
            list.push(key);
        }
    }

    /// Compares what should be with what is. Returns whether they are equal.
    fn compare(&mut self, expected: &Upsert, found: Option<&Document>) -> bool {
        let ours = digest(&expected.set, &expected.set);
        self.here += 1;
        self.hash_here.update(ours);
        let key = in_words(&expected.key);
        let Some(found) = found else {
            self.wrong += 1;
            Self::name(&mut self.missing, key);
            return false;
        };
        let theirs = digest(found, &expected.set);
        self.there += 1;
        self.hash_there.update(theirs);
        if ours != theirs {
            self.wrong += 1;
            Self::name(&mut self.different, key);
        }
        ours == theirs
    }

    /// What should be there and can't be written.
    fn unfit(&mut self, key: &str, unfit: &Unfit) {
        self.here += 1;
        self.wrong += 1;
        self.hash_here.update(key.as_bytes());
        Self::name(&mut self.missing, format!("{key} ({unfit})"));
    }

    fn too_much(&mut self, key: String) {
        self.there += 1;
        self.wrong += 1;
        self.hash_there.update(key.as_bytes());
        Self::name(&mut self.extra, key);
    }

    fn checked(self) -> Checked {
        Checked {
            collection: self.collection,
            here: self.here,
            there: self.there,
            sha256_here: hex::encode(self.hash_here.finalize()),
            sha256_there: hex::encode(self.hash_there.finalize()),
            missing: self.missing,
            different: self.different,
            extra: self.extra,
            equal: self.wrong == 0,
        }
    }
}

/// Compares runs, their results and suites, users, comments, prices as they are now and, where they are published,
/// conversations. A run that has lost its throughput result stays there as it was, and isn't compared. What waits in the
/// outbox is not there yet, and is found missing. With `repair` what is missing or differs is written again, whatever
/// its version there, and what is ours and should not be there is deleted; whoever calls has the turn to send then.
///
/// # Errors
/// When either database is away.
pub async fn verify(pool: &PgPool, target: &Target, repair: bool) -> Result<Verified, Error> {
    let mut repaired = 0;
    let mut tallies = ["pod_benchmarks", "benchmark_results", "benchmark_suite_results"].map(Tally::new);
    runs(pool, target, repair, &mut tallies, &mut repaired).await?;
    strays(pool, target, repair, &mut tallies, &mut repaired).await?;
    let mut collections: Vec<Checked> = tallies.into_iter().map(Tally::checked).collect();
    for collection in ["users", "comments", "chat_logs", "gpu_pricing_processed"] {
        if collection == "chat_logs" && !target.publish_chat_logs {
            continue;
        }
        collections.push(others(pool, target, collection, repair, &mut repaired).await?);
    }
    Ok(Verified { collections, repaired })
}

async fn runs(
    pool: &PgPool,
    target: &Target,
    repair: bool,
    tallies: &mut [Tally; 3],
    repaired: &mut u64,
) -> Result<(), Error> {
    let mut last = None;
    loop {
        let mut conn = pool.acquire().await?;
        let after = last.as_ref().map(|(at, pod_id): &(_, String)| (*at, pod_id.as_str()));
        let page = publications::after(&mut conn, after, PAGE).await?;
        let Some(end) = page.last().cloned() else { return Ok(()) };
        let ids: Vec<String> = page.into_iter().map(|(_, pod_id)| pod_id).collect();
        let stored = publications::many(&mut conn, &ids).await?;
        drop(conn);
        let mut expected = Vec::new();
        for run in stored.iter().filter(|run| is_published(run, target.name())) {
            match documents::run(run) {
                Ok(documents) => expected.push(documents),
                Err(unfit) => tallies[0].unfit(&run.run.pod_id, &unfit),
            }
        }
        let pods = of_runs(target, "pod_benchmarks", &expected).await?;
        let results = of_runs(target, "benchmark_results", &expected).await?;
        let suites = of_runs(target, "benchmark_suite_results", &expected).await?;
        for run in &expected {
            let mut equal = tallies[0].compare(&run.pod, pods.get(&in_words(&run.pod.key)));
            let keys: BTreeSet<String> = run.results.iter().map(|result| in_words(&result.key)).collect();
            for result in &run.results {
                equal &= tallies[1].compare(result, results.get(&in_words(&result.key)));
            }
            let superseded = results.iter().filter(|(key, document)| {
                document.get_str("pod_id").is_ok_and(|pod_id| pod_id == run.pod_id)
                    && document.contains_key(VERSION)
                    && !keys.contains(*key)
            });
            for (key, _) in superseded {
                equal = false;
                tallies[1].too_much(key.clone());
            }
            equal &= tallies[2].compare(&run.suite, suites.get(&in_words(&run.suite.key)));
            if repair && !equal {
                let written = send_runs(target, std::slice::from_ref(run), true).await;
                *repaired += u64::from(is_written(target, "pod_benchmarks", &run.pod_id, written)?);
            }
        }
        last = Some(end);
    }
}

/// What is there of these runs, by its key in words.
async fn of_runs(
    target: &Target,
    collection: &'static str,
    runs: &[RunDocuments],
) -> Result<BTreeMap<String, Document>, Error> {
    let ids: Vec<&str> = runs.iter().map(|run| run.pod_id.as_str()).collect();
    let found = find(target, collection, doc! { "pod_id": { "$in": ids } }, None).await?;
    let key = |document: &Document| {
        let mut key = doc! { "pod_id": document.get("pod_id").cloned().unwrap_or(Bson::Null) };
        if collection == "benchmark_results" {
            for field in ["benchmark_type", "rate"] {
                key.insert(field, document.get(field).cloned().unwrap_or(Bson::Null));
            }
        }
        in_words(&key)
    };
    Ok(found.into_iter().map(|document| (key(&document), document)).collect())
}

/// Documents of ours whose run isn't here at all.
async fn strays(
    pool: &PgPool,
    target: &Target,
    repair: bool,
    tallies: &mut [Tally; 3],
    repaired: &mut u64,
) -> Result<(), Error> {
    for tally in tallies {
        let fields = Some(doc! { "pod_id": 1 });
        let ours = find(target, tally.collection, doc! { VERSION: { "$exists": true } }, fields).await?;
        let pods: BTreeSet<String> =
            ours.iter().filter_map(|document| document.get_str("pod_id").ok()).map(str::to_owned).collect();
        let pods: Vec<String> = pods.into_iter().collect();
        for some in pods.chunks(1_000) {
            let known = publications::many(&mut *pool.acquire().await?, some).await?;
            let known: BTreeSet<&str> = known.iter().map(|run| run.run.pod_id.as_str()).collect();
            for pod_id in some.iter().filter(|pod_id| !known.contains(pod_id.as_str())) {
                tally.too_much(pod_id.clone());
                if repair {
                    let key = doc! { "pod_id": pod_id.as_str(), VERSION: { "$exists": true } };
                    delete(target, tally.collection, key).await?;
                    *repaired += 1;
                }
            }
        }
    }
    Ok(())
}

/// Users, comments, conversations or prices, from both sides.
async fn others(
    pool: &PgPool,
    target: &Target,
    collection: &'static str,
    repair: bool,
    repaired: &mut u64,
) -> Result<Checked, Error> {
    let mut tally = Tally::new(collection);
    let (expected, aggregate) = expected(pool, target, collection).await?;
    let fields: &[&str] = match collection {
        "users" => &["github_id"],
        "gpu_pricing_processed" => &["gpu_id", "platform"],
        _ => &["_id"],
    };
    let key = |document: &Document| {
        let value = |field: &&str| ((*field).to_owned(), document.get(field).cloned().unwrap_or(Bson::Null));
        in_words(&fields.iter().map(value).collect())
    };
    let found = find(target, collection, doc! { VERSION: { "$exists": true } }, None).await?;
    let mut there: BTreeMap<String, Document> =
        found.into_iter().map(|document| (key(&document), document)).collect();
    let mut again = Vec::new();
    for upsert in &expected {
        let key = key(&upsert.key);
        if !tally.compare(upsert, there.remove(&key).as_ref()) && repair {
            let written = target.write("update", collection, vec![upsert.statement(true)], None).await;
            if is_written(target, collection, &key, written)? {
                *repaired += 1;
                again.push(key);
            }
        }
    }
    // A price that isn't listed any more stays as it was seen.
    let too_many = if aggregate == Aggregate::Price { BTreeMap::new() } else { there };
    for (key, document) in too_many {
        tally.too_much(key);
        if repair {
            let id = document.get("_id").cloned().unwrap_or(Bson::Null);
            delete(target, collection, doc! { "_id": id }).await?;
            *repaired += 1;
        }
    }
    if aggregate == Aggregate::Comment {
        // Their likes follow.
        outbox::append_many(&mut *pool.acquire().await?, aggregate, &again, 1).await?;
    }
    Ok(tally.checked())
}

/// What there should be of a collection.
async fn expected(
    pool: &PgPool,
    target: &Target,
    collection: &'static str,
) -> Result<(Vec<Upsert>, Aggregate), Error> {
    if collection == "gpu_pricing_processed" {
        let prices = named_prices(pool).await?;
        let all = prices.iter().map(documents::price).collect::<Result<_, _>>();
        return Ok((
            all.map_err(|error| target.error(&Fault::Refused(error.to_string())))?,
            Aggregate::Price,
        ));
    }
    let mut conn = pool.acquire().await?;
    let unfit = |error: documents::Unfit| target.error(&Fault::Refused(error.to_string()));
    let from_there = format!("mongodb:{}", target.name());
    let ours = |from: &Option<String>| from.as_deref() != Some(&from_there);
    Ok(match collection {
        "users" => {
            let ids = outgoing::user_ids(&mut conn).await?;
            let all = outgoing::users(&mut conn, &ids).await?;
            let all = all.iter().filter(|user| ours(&user.imported_from)).map(documents::user).collect();
            (all, Aggregate::User)
        }
        "comments" => {
            let ids = outgoing::comment_ids(&mut conn).await?;
            let all = outgoing::comments(&mut conn, &ids).await?;
            let all = all.iter().filter(|comment| ours(&comment.imported_from)).map(documents::comment);
            (all.collect::<Result<_, _>>().map_err(unfit)?, Aggregate::Comment)
        }
        _ => {
            let ids = outgoing::chat_ids(&mut conn).await?;
            let all = outgoing::chats(&mut conn, &ids).await?;
            let all =
                all.iter().filter(|chat| ours(&chat.imported_from)).map(|chat| documents::chat(chat, 1));
            (all.collect::<Result<_, _>>().map_err(unfit)?, Aggregate::ChatLog)
        }
    })
}

/// Whether a repair was taken. One that is refused stays as it was found, and the others go on.
fn is_written(
    target: &Target,
    collection: &str,
    key: &str,
    written: Result<(), Fault>,
) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(Fault::Away(text)) => Err(target.error(&Fault::Away(text))),
        Err(fault) => {
            let error = target.error(&fault);
            tracing::warn!(collection, key, %error, "it could not be repaired");
            Ok(false)
        }
    }
}

async fn find(
    target: &Target,
    collection: &str,
    filter: Document,
    fields: Option<Document>,
) -> Result<Vec<Document>, Error> {
    let collection = target.database.collection::<Document>(collection);
    let mut found = collection.find(filter);
    if let Some(fields) = fields {
        found = found.projection(fields);
    }
    let read = async { found.await?.try_collect().await };
    read.await.map_err(|error: mongodb::error::Error| target.error(&Fault::of(&error)))
}

async fn delete(target: &Target, collection: &str, key: Document) -> Result<(), Error> {
    let statement = doc! { "q": key, "limit": 0 };
    let deleted = target.write("delete", collection, vec![statement], None).await;
    deleted.map_err(|fault| target.error(&fault))
}

/// A key as it is shown: `pod-1 concurrent 3`.
fn in_words(key: &Document) -> String {
    let words: Vec<String> = key.values().filter(|value| **value != Bson::Null).map(key_text).collect();
    words.join(" ")
}

fn key_text(value: &Bson) -> String {
    match value {
        Bson::String(text) => text.clone(),
        Bson::ObjectId(id) => id.to_hex(),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => number.to_string(),
        other => other.to_string(),
    }
}
