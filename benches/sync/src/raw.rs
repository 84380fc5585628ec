//! What the server does at best with the same documents: batches of upserts by their keys, made beforehand, of a program
//! that knows nothing else. With and without transactions: the faster is what a backfill is held against.

use std::time::Instant;

use anyhow::ensure;
use futures::TryStreamExt as _;
use mongodb::{
    Client, IndexModel,
    bson::{Document, doc},
    options::{Acknowledgment, IndexOptions, WriteConcern},
};

/// Statements of a batch, as many as ours has at most.
const BATCH: usize = 1_000;

/// Collections of runs, with their keys, in the order in which they are written.
const COLLECTIONS: [(&str, &[&str]); 3] = [
    ("benchmark_results", &["pod_id", "benchmark_type", "rate"]),
    ("benchmark_suite_results", &["pod_id"]),
    ("pod_benchmarks", &["pod_id"]),
];

/// All documents of runs, by collection.
pub(crate) struct Documents(Vec<(&'static str, &'static [&'static str], Vec<Document>)>);

impl Documents {
    /// What a database has.
    pub(crate) async fn read(client: &Client, database: &str) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for (name, key) in COLLECTIONS {
            let collection = client.database(database).collection::<Document>(name);
            let mut documents: Vec<Document> = collection.find(doc! {}).await?.try_collect().await?;
            for document in &mut documents {
                document.remove("_id");
            }
            all.push((name, key, documents));
        }
        Ok(Self(all))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|(_, _, documents)| documents.len()).sum()
    }

    /// How many there are of each collection.
    pub(crate) fn counts(&self) -> Vec<(&'static str, usize)> {
        self.0.iter().map(|(name, _, documents)| (*name, documents.len())).collect()
    }

    /// Upserts all of them into an empty database with the same indexes; returns the seconds that the upserts took.
    pub(crate) async fn upsert(
        &self,
        client: &Client,
        database: &str,
        in_transactions: bool,
    ) -> anyhow::Result<f64> {
        let database = client.database(database);
        let mut commands = Vec::new();
        for (name, key, documents) in &self.0 {
            let keys: Document = key.iter().map(|field| ((*field).to_owned(), 1.into())).collect();
            let unique = IndexOptions::builder().unique(true).build();
            let index = IndexModel::builder().keys(keys).options(unique).build();
            database.collection::<Document>(name).create_index(index).await?;
            for batch in documents.chunks(BATCH) {
                let statements: Vec<Document> =
                    batch.iter().map(|document| statement(key, document)).collect();
                commands.push(doc! { "update": *name, "updates": statements, "ordered": true });
            }
        }
        let confirmed = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let asked = Instant::now();
        for mut command in commands {
            let answer = if in_transactions {
                let mut session = client.start_session().await?;
                session.start_transaction().write_concern(confirmed.clone()).await?;
                let answer = database.run_command(command).session(&mut session).await?;
                session.commit_transaction().await?;
                answer
            } else {
                command.insert("writeConcern", doc! { "w": "majority", "j": true });
                database.run_command(command).await?
            };
            ensure!(!answer.contains_key("writeErrors"), "a raw upsert failed: {answer}");
        }
        Ok(asked.elapsed().as_secs_f64())
    }
}

fn statement(key: &[&str], document: &Document) -> Document {
    let of = |field: &&str| Some(((*field).to_owned(), document.get(field)?.clone()));
    let filter: Document = key.iter().filter_map(of).collect();
    doc! { "q": filter, "u": { "$set": document.clone() }, "upsert": true }
}
