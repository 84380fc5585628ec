//! Runs: a batch in one transaction where the server has them; else results first and the run itself last, so that a
//! reader never sees a run without its ten results.

use std::{collections::BTreeMap, time::Duration};

use futures::TryStreamExt as _;
use mongodb::{
    ClientSession,
    bson::{Document, doc},
};
use sqlx::PgPool;

use super::{Outcome, Stop, delete};
use crate::{
    store::{
        outbox::Waiting,
        publications::{self, Origin, StoredPublication},
    },
    sync::{
        Target,
        documents::{self, RunDocuments, VERSION},
        fault::Fault,
        target::statements,
    },
};

/// Tries of a transaction that meets another writer.
const TRIES: u32 = 6;

/// Sends the runs of these rows. What isn't to be published needs no sending.
pub(super) async fn send<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let ids: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let stored = publications::many(&mut *pool.acquire().await?, &ids).await?;
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    let mut runs = Vec::new();
    // Oldest first, and so they are inserted: readers show documents as they are stored.
    for run in stored.iter().filter(|run| is_published(run, target.name())) {
        match documents::run(run) {
            Ok(documents) => runs.push(documents),
            Err(error) => {
                errors.insert(run.run.pod_id.clone(), error.to_string());
            }
        }
    }
    match send_runs(target, &runs, false).await {
        Ok(()) => {}
        Err(Fault::Away(text)) => return Err(Fault::Away(text).into()),
        // One of them is at fault: each alone, so that it alone stays behind.
        Err(_) => {
            for run in &runs {
                match send_runs(target, std::slice::from_ref(run), false).await {
                    Ok(()) => {}
                    Err(Fault::Away(text)) => return Err(Fault::Away(text).into()),
                    Err(fault) => {
                        errors.insert(run.pod_id.clone(), fault.text().to_owned());
                    }
                }
            }
        }
    }
    Ok(rows.iter().map(|row| (*row, errors.remove(&row.key))).collect())
}

/// Whether a run may be sent to this database: it has its throughput result, and wasn't imported from there.
pub(in crate::sync) fn is_published(run: &StoredPublication, database: &str) -> bool {
    let from_there = match &run.run.origin {
        Origin::Measured(_) => false,
        Origin::Imported(from) => from.strip_prefix("mongodb:") == Some(database),
    };
    run.has_throughput() && !from_there
}

/// Writes these runs, all or none where the server has transactions. With `force` an older version replaces a newer one.
pub(in crate::sync) async fn send_runs(
    target: &Target,
    runs: &[RunDocuments],
    force: bool,
) -> Result<(), Fault> {
    if runs.is_empty() {
        return Ok(());
    }
    let mut tried = 0;
    loop {
        let written = if target.has_transactions().await? {
            in_transaction(target, runs, force).await
        } else {
            write(target, runs, force, None).await
        };
        tried += 1;
        match written {
            Err(Fault::Met(_) | Fault::Taken(_)) if tried < TRIES => {
                // Whoever was met has to get out of the way.
                let share: f64 = rand::random();
                tokio::time::sleep(Duration::from_secs_f64(0.02 * f64::from(1 << tried) * share)).await;
            }
            other => return other,
        }
    }
}

async fn in_transaction(target: &Target, runs: &[RunDocuments], force: bool) -> Result<(), Fault> {
    let mut session = target.begin().await?;
    match write(target, runs, force, Some(&mut session)).await {
        // Where the answer is lost the driver asks once more. A server that was killed meanwhile knows of no such
        // transaction, whether it was committed or not, and all of it is written again, which changes nothing.
        Ok(()) => session.commit_transaction().await.map_err(|error| Fault::of(&error)),
        Err(fault) => {
            // The server forgets it by itself where it can't be told.
            let _ = session.abort_transaction().await;
            Err(fault)
        }
    }
}

async fn write(
    target: &Target,
    runs: &[RunDocuments],
    force: bool,
    mut session: Option<&mut ClientSession>,
) -> Result<(), Fault> {
    let there = versions(target, runs, session.as_deref_mut()).await?;
    let known = |run: &RunDocuments| there.get(&run.pod_id).copied().flatten();
    let runs: Vec<&RunDocuments> =
        runs.iter().filter(|run| force || known(run).is_none_or(|version| version <= run.version)).collect();
    if runs.is_empty() {
        return Ok(());
    }
    let results = statements(runs.iter().flat_map(|run| &run.results), force);
    target.write("update", "benchmark_results", results, session.as_deref_mut()).await?;
    // Of a run that was there, levels that it has no more are superseded. Without transactions it may have been
    // there in part, and nobody can say.
    let gone: Vec<Document> = runs
        .iter()
        .filter(|run| session.is_none() || there.contains_key(&run.pod_id))
        .map(|run| {
            let levels: Vec<Document> = run.results.iter().map(|result| result.key.clone()).collect();
            delete(doc! { "pod_id": run.pod_id.as_str(), VERSION: { "$exists": true }, "$nor": levels })
        })
        .collect();
    if !gone.is_empty() {
        target.write("delete", "benchmark_results", gone, session.as_deref_mut()).await?;
    }
    let suites = statements(runs.iter().map(|run| &run.suite), force);
    target.write("update", "benchmark_suite_results", suites, session.as_deref_mut()).await?;
    let pods = statements(runs.iter().map(|run| &run.pod), force);
    target.write("update", "pod_benchmarks", pods, session).await
}

/// The versions that are there; `None`: a document without one.
async fn versions(
    target: &Target,
    runs: &[RunDocuments],
    session: Option<&mut ClientSession>,
) -> Result<BTreeMap<String, Option<i64>>, Fault> {
    let ids: Vec<&str> = runs.iter().map(|run| run.pod_id.as_str()).collect();
    let collection = target.database.collection::<Document>("pod_benchmarks");
    let found =
        collection.find(doc! { "pod_id": { "$in": ids } }).projection(doc! { "pod_id": 1, VERSION: 1 });
    let of = |error: mongodb::error::Error| Fault::of(&error);
    let documents: Vec<Document> = match session {
        Some(session) => {
            let mut cursor = found.session(&mut *session).await.map_err(of)?;
            cursor.stream(session).try_collect().await.map_err(of)?
        }
        None => found.await.map_err(of)?.try_collect().await.map_err(of)?,
    };
    Ok(documents
        .iter()
        .filter_map(|document| {
            Some((document.get_str("pod_id").ok()?.to_owned(), document.get_i64(VERSION).ok()))
        })
        .collect())
}
