//! Reading a database in the contract's shape, however old or odd its documents are. It is only read. What is wrong with one
//! document is in the report, and the rest goes on.
//!
//! Each collection is gone through once, as it is stored: of two documents that mean the same thing the first counts, as it
//! does to those who read that database.

mod fields;
mod people;
mod prices;
mod runs;

use std::{collections::HashSet, time::Duration};

use chrono_tz::Tz;
use futures::TryStreamExt as _;
use mongodb::{
    Client, Collection, Database,
    bson::{Document, RawDocumentBuf},
    options::ClientOptions,
};
use sqlx::PgPool;

use crate::import::{Error, Report};

/// How long a server may take to be found.
const PATIENCE: Duration = Duration::from_secs(10);

/// Imports runs with their results and votes, people, comments, chat logs and prices of `database` at `url`. Runs were made
/// at the local time of `zone`.
///
/// # Errors
/// When either database fails, or the URL can't be used. What was taken until then stays taken.
pub async fn import(pool: &PgPool, url: &str, database: &str, zone: Tz) -> Result<Report, Error> {
    let source = Source::open(url, database).await?;
    let from = format!("mongodb:{database}");
    let mut report = Report::default();
    let mut conn = pool.acquire().await?;
    runs::import(&mut conn, &source, &from, zone, &mut report).await?;
    people::users(&mut conn, &source, &from, &mut report).await?;
    people::comments(&mut conn, &source, &from, &mut report).await?;
    people::chats(&mut conn, &source, &from, &mut report).await?;
    prices::import(&mut conn, &source, &from, &mut report).await?;
    Ok(report)
}

/// The database that is read.
struct Source(Database);

impl Source {
    async fn open(url: &str, database: &str) -> Result<Self, Error> {
        let mut options = ClientOptions::parse(url).await.map_err(|error| failed(&error))?;
        options.app_name = Some("dria-bench import".to_owned());
        options.server_selection_timeout = Some(PATIENCE);
        let client = Client::with_options(options).map_err(|error| failed(&error))?;
        let database = client.database(database);
        let names: HashSet<String> =
            database.list_collection_names().await.map_err(|error| failed(&error))?.into_iter().collect();
        if names.contains("pod_benchmarks") {
            return Ok(Self(database));
        }
        let name = database.name();
        Err(Error::Source(format!(
            "its database {name} has no collection pod_benchmarks; --database names another"
        )))
    }

    /// Goes through a collection. A document that is no good BSON is left out, by its place.
    async fn each(
        &self,
        collection: &str,
        part: &'static str,
        report: &mut Report,
        mut take: impl FnMut(Document, &mut Report),
    ) -> Result<(), Error> {
        let collection: Collection<RawDocumentBuf> = self.0.collection(collection);
        let mut documents = collection.find(Document::new()).await.map_err(|error| failed(&error))?;
        let mut place = 0_u64;
        while let Some(raw) = documents.try_next().await.map_err(|error| failed(&error))? {
            place += 1;
            match Document::try_from(raw.as_ref()) {
                Ok(document) => take(document, report),
                Err(error) => {
                    report.skip(part, format!("document {place}"), format!("it is broken: {error}"));
                }
            }
        }
        Ok(())
    }
}

/// What the driver says. Its messages name hosts, never users or passwords.
fn failed(error: &mongodb::error::Error) -> Error {
    Error::Source(error.kind.to_string())
}
