//! The MongoDB database that is published to: connecting, its indexes, batches of updates, transactions where it has them.

use std::time::Duration;

use mongodb::{
    Client, ClientSession, Database, IndexModel,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, ClientOptions, IndexOptions, WriteConcern},
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, OnceCell};

use super::{Error, Settings, documents::Upsert, fault::Fault};

/// How long an answer that says which server takes writes may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements of one command at most: a few hundred kB.
const STATEMENTS: usize = 1_000;

/// The natural keys, in the order of fields that gives readers ascending rates.
const UNIQUE: [(&str, &[&str]); 6] = [
    ("pod_benchmarks", &["pod_id"]),
    ("benchmark_results", &["pod_id", "benchmark_type", "rate"]),
    ("benchmark_suite_results", &["pod_id"]),
    ("users", &["github_id"]),
    ("gpu_pricing_processed", &["gpu_id", "platform"]),
    ("gpu_pricing_hourly_summary", &["timestamp"]),
];

/// The database that is published to.
#[derive(Debug)]
pub struct Target {
    client: Client,
    pub(super) database: Database,
    /// What must not be in a message: the URL, and what it logs in with.
    secrets: Vec<String>,
    transactions: OnceCell<bool>,
    /// The one in which all transactions of this target are, one after the other.
    session: Mutex<Option<ClientSession>>,
    pub(super) publish_chat_logs: bool,
}

impl Target {
    /// Reads the URL; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is wrong or its name can't be resolved.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let secrets = secrets(settings.url.expose());
        let wrong = |error: &mongodb::error::Error| Error::Url(redact(&secrets, &error.to_string()));
        let mut options = ClientOptions::parse(settings.url.expose()).await.map_err(|error| wrong(&error))?;
        options.app_name = Some("dria-bench".to_owned());
        options.server_selection_timeout = Some(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        let client = Client::with_options(options).map_err(|error| wrong(&error))?;
        Ok(Self {
            database: client.database(&settings.database),
            client,
            secrets,
            transactions: OnceCell::new(),
            session: Mutex::new(None),
            publish_chat_logs: settings.publish_chat_logs,
        })
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.database.name()
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), Error> {
        let answer = self.database.run_command(doc! { "ping": 1 }).await;
        answer.map(drop).map_err(|error| self.error(&Fault::of(&error)))
    }

    /// Creates the indexes that are missing. One that can't be unique, since readers' own rows are doubled, is said in the
    /// log and left out.
    ///
    /// # Errors
    /// When the server is away.
    pub async fn prepare(&self) -> Result<(), Error> {
        for (collection, fields) in UNIQUE {
            let keys: Document = fields.iter().map(|field| ((*field).to_owned(), Bson::Int32(1))).collect();
            let options = IndexOptions::builder().unique(true).build();
            self.index(collection, IndexModel::builder().keys(keys).options(options).build()).await?;
        }
        self.index("comments", IndexModel::builder().keys(doc! { "pod_id": 1, "parent_id": 1 }).build()).await
    }

    async fn index(&self, collection: &str, index: IndexModel) -> Result<(), Error> {
        let made = self.database.collection::<Document>(collection).create_index(index).await;
        match made.map_err(|error| Fault::of(&error)) {
            Ok(_) => Ok(()),
            Err(Fault::Away(text)) => Err(self.error(&Fault::Away(text))),
            Err(fault) => {
                let reason = redact(&self.secrets, fault.text());
                tracing::warn!(collection, reason, "an index of the copy in MongoDB can't be made");
                Ok(())
            }
        }
    }

    /// Whether the server has transactions: a replica set's member or a router does.
    pub(super) async fn has_transactions(&self) -> Result<bool, Fault> {
        let asked = self.transactions.get_or_try_init(|| async {
            let hello =
                self.database.run_command(doc! { "hello": 1 }).await.map_err(|error| Fault::of(&error))?;
            Ok(hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid"))
        });
        asked.await.copied()
    }

    /// A session with a transaction begun. It is committed once most members have it in their journals, so that no kill
    /// takes it back. MongoDB's do so for a majority without being asked, unless whoever set them up turned that off.
    pub(super) async fn begin(&self) -> Result<MappedMutexGuard<'_, ClientSession>, Fault> {
        let mut session = self.session().await?;
        let confirmed = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let begun = session.start_transaction().write_concern(confirmed).await;
        begun.map_err(|error| Fault::of(&error))?;
        Ok(session)
    }

    async fn session(&self) -> Result<MappedMutexGuard<'_, ClientSession>, Fault> {
        let mut session = self.session.lock().await;
        if session.is_none() {
            *session = Some(self.client.start_session().await.map_err(|error| Fault::of(&error))?);
        }
        MutexGuard::try_map(session, Option::as_mut)
            .map_err(|_| Fault::Away("the server gave no session".to_owned()))
    }

    /// The id of the session in which its transactions are, hex: what [`Target::end_session`] takes. `None`: the server has no
    /// transactions, and perhaps no sessions.
    ///
    /// # Errors
    /// When the server is away.
    pub async fn session_id(&self) -> Result<Option<String>, Error> {
        if !self.has_transactions().await.map_err(|fault| self.error(&fault))? {
            return Ok(None);
        }
        let session = self.session().await.map_err(|fault| self.error(&fault))?;
        let id = session.id().get("id");
        Ok(id.and_then(|id| if let Bson::Binary(id) = id { Some(hex::encode(&id.bytes)) } else { None }))
    }

    /// Ends a session of a process that was killed. Else the server keeps its open transaction for a minute, and everybody
    /// else from what that one wrote. A server that doesn't do so is no reason to stop.
    ///
    /// # Errors
    /// When the server is away.
    pub async fn end_session(&self, id: &str) -> Result<(), Error> {
        let Ok(bytes) = hex::decode(id) else { return Ok(()) };
        let id = Binary { subtype: BinarySubtype::Uuid, bytes };
        let ended = self.database.run_command(doc! { "killSessions": [{ "id": id }] }).await;
        match ended.map_err(|error| Fault::of(&error)) {
            Ok(_) => Ok(()),
            Err(Fault::Away(text)) => Err(self.error(&Fault::Away(text))),
            Err(fault) => {
                let error = self.error(&fault);
                tracing::debug!(%error, "the session of the sender before was not ended");
                Ok(())
            }
        }
    }

    /// Runs updates or deletes (`verb`), in order, until one fails. In a transaction where a session is given.
    pub(super) async fn write(
        &self,
        verb: &str,
        collection: &str,
        statements: Vec<Document>,
        session: Option<&mut ClientSession>,
    ) -> Result<(), Fault> {
        let mut session = session;
        for chunk in statements.chunks(STATEMENTS) {
            let failed = self.command(verb, collection, chunk.to_vec(), true, session.as_deref_mut()).await?;
            if let Some((_, fault)) = failed.into_iter().next() {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Runs updates or deletes that have nothing to do with each other. Returns those that failed, by their places. Where
    /// the server refuses all of a command for the sake of one, each goes alone.
    pub(super) async fn write_each(
        &self,
        verb: &str,
        collection: &str,
        statements: Vec<Document>,
    ) -> Result<Vec<(usize, Fault)>, Fault> {
        let mut failed = Vec::new();
        for (part, chunk) in statements.chunks(STATEMENTS).enumerate() {
            let first = part * STATEMENTS;
            match self.command(verb, collection, chunk.to_vec(), false, None).await {
                Ok(some) => failed.extend(some.into_iter().map(|(place, fault)| (first + place, fault))),
                Err(Fault::Away(text)) => return Err(Fault::Away(text)),
                Err(_) => {
                    for (place, statement) in chunk.iter().enumerate() {
                        match self.write(verb, collection, vec![statement.clone()], None).await {
                            Ok(()) => {}
                            Err(Fault::Away(text)) => return Err(Fault::Away(text)),
                            Err(fault) => failed.push((first + place, fault)),
                        }
                    }
                }
            }
        }
        Ok(failed)
    }

    /// Whether there is a document that this finds.
    pub(super) async fn has(&self, collection: &str, filter: Document) -> Result<bool, Fault> {
        let found = self.database.collection::<Document>(collection).find_one(filter).await;
        found.map(|document| document.is_some()).map_err(|error| Fault::of(&error))
    }

    async fn command(
        &self,
        verb: &str,
        collection: &str,
        statements: Vec<Document>,
        ordered: bool,
        session: Option<&mut ClientSession>,
    ) -> Result<Vec<(usize, Fault)>, Fault> {
        let list = if verb == "delete" { "deletes" } else { "updates" };
        let mut command = doc! { verb: collection, list: statements, "ordered": ordered };
        let answer = if let Some(session) = session {
            self.database.run_command(command).session(session).await
        } else {
            command.insert("writeConcern", doc! { "w": "majority", "j": true });
            self.database.run_command(command).await
        }
        .map_err(|error| Fault::of(&error))?;
        if let Ok(concern) = answer.get_document("writeConcernError") {
            return Err(Fault::Away(
                concern.get_str("errmsg").unwrap_or("the write was not confirmed").to_owned(),
            ));
        }
        let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
        let failed = errors.iter().filter_map(Bson::as_document).map(|error| {
            let place = error.get_i32("index").ok().and_then(|index| usize::try_from(index).ok());
            (place.unwrap_or_default(), Fault::of_statement(error))
        });
        Ok(failed.collect())
    }

    /// What became of a fault, in words that hold no secret.
    pub(super) fn error(&self, fault: &Fault) -> Error {
        let text = redact(&self.secrets, fault.text());
        match fault {
            Fault::Away(_) => Error::Unavailable(text),
            Fault::Met(_) | Fault::Taken(_) | Fault::Refused(_) => Error::Refused(text),
        }
    }
}

/// Update statements of one collection.
pub(super) fn statements<'a>(upserts: impl IntoIterator<Item = &'a Upsert>, force: bool) -> Vec<Document> {
    upserts.into_iter().map(|upsert| upsert.statement(force)).collect()
}

/// The URL, and what is between its scheme and its host.
fn secrets(url: &str) -> Vec<String> {
    let mut secrets = vec![url.to_owned()];
    let login = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(login, _)| login);
    secrets.extend(login.into_iter().flat_map(|login| {
        let password = login.split_once(':').map(|(_, password)| password.to_owned());
        [Some(login.to_owned()), password].into_iter().flatten()
    }));
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

fn redact(secrets: &[String], text: &str) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, crate::config::REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_the_url_that_logs_in_gets_into_a_message() {
        let secrets = secrets("mongodb://ann:s3cret@h:1/?x=1");
        let text = redact(&secrets, "mongodb://ann:s3cret@h:1/?x=1 and ann:s3cret and s3cret at h:1");
        assert_eq!(text, "*** and *** and *** at h:1");
    }
}
