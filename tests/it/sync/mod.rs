//! Publishing to a MongoDB-wire server on disk: what readers find there, and that nothing is lost, doubled or set back,
//! whatever fails on the way.

mod documents;
mod faults;
mod kills;
mod operate;
mod others;
mod verify;

use std::time::Duration;

use dria_bench::{
    community::Author,
    config::Secret,
    store::{
        outbox::{self, Lag, Refused, Turn},
        publications::{self, Origin, Published, PublishedResult, PublishedRun},
        users::{self, Profile},
    },
    sync::{self, Error, Sender, Sent, Settings, Target, Verified},
};
use futures::TryStreamExt as _;
use mongodb::bson::{Document, doc};

use crate::support::{
    database::TestDatabase,
    mongo::Mongo,
    published::{run, ten},
};

/// How long anything awaited may take: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is published, and where it is published to.
struct Pair {
    here: TestDatabase,
    there: Mongo,
    settings: Settings,
    target: Target,
}

impl Pair {
    async fn new() -> Self {
        Self::with(Mongo::start().await).await
    }

    /// With a server that only this test uses, and may kill or have fail.
    async fn alone() -> Self {
        Self::with(Mongo::alone().await).await
    }

    async fn with(there: Mongo) -> Self {
        let settings = Settings {
            url: Secret::new(there.url.clone()),
            database: there.database.name().to_owned(),
            publish_chat_logs: false,
            poll: Duration::from_millis(200),
        };
        let target = Target::open(&settings).await.unwrap();
        target.prepare().await.unwrap();
        Self { here: TestDatabase::new().await, there, settings, target }
    }

    /// Writes a run, made so many minutes after the first, with its ten results.
    async fn publish(&self, pod_id: &str, minute: i64) -> PublishedRun {
        let run = ours(pod_id, minute);
        self.write(&run, &ten()).await;
        run
    }

    async fn write(&self, run: &PublishedRun, results: &[PublishedResult]) -> Published {
        let mut tx = self.here.pool.begin().await.unwrap();
        let published = publications::upsert(&mut tx, run, results).await.unwrap();
        tx.commit().await.unwrap();
        published
    }

    /// Sends what is due.
    async fn send(&self) -> Result<Sent, Error> {
        sync::send_due(&self.here.pool, &self.target).await
    }

    /// Sends what is due, all of which is taken.
    async fn send_all(&self) -> u64 {
        let sent = self.send().await.unwrap();
        assert_eq!(sent.refused, 0, "{:?}", self.refused().await);
        sent.sent
    }

    async fn verify(&self, repair: bool) -> Verified {
        sync::verify(&self.here.pool, &self.target, repair).await.unwrap()
    }

    async fn lag(&self) -> Lag {
        outbox::lag(&mut self.here.pool.acquire().await.unwrap()).await.unwrap()
    }

    async fn refused(&self) -> Vec<Refused> {
        outbox::refused(&mut self.here.pool.acquire().await.unwrap()).await.unwrap()
    }

    /// Waits until nothing waits to be sent.
    async fn caught_up(&self) {
        let wait = async {
            while self.lag().await.unsent > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, wait).await.is_ok(),
            "it never caught up: {:?} {:?}",
            self.lag().await,
            self.refused().await
        );
    }

    /// All documents of a collection as they are stored: readers don't sort.
    async fn stored(&self, collection: &str) -> Vec<Document> {
        self.found(collection, doc! {}).await
    }

    async fn found(&self, collection: &str, filter: Document) -> Vec<Document> {
        let collection = self.there.database.collection::<Document>(collection);
        collection.find(filter).await.unwrap().try_collect().await.unwrap()
    }

    async fn one(&self, collection: &str, filter: Document) -> Document {
        let mut found = self.found(collection, filter).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// What a reader of the copy does.
    async fn update(&self, collection: &str, filter: Document, update: Document) {
        let collection = self.there.database.collection::<Document>(collection);
        let done = collection.update_many(filter, update).await.unwrap();
        assert!(done.matched_count > 0, "there was nothing to change");
    }

    async fn delete(&self, collection: &str, filter: Document) {
        let collection = self.there.database.collection::<Document>(collection);
        assert!(
            collection.delete_many(filter).await.unwrap().deleted_count > 0,
            "there was nothing to delete"
        );
    }

    fn sender(&self) -> Sender {
        Sender::start(&self.here.pool, Some(self.settings.clone()), "this-host")
    }

    async fn sign_in(&self, github_id: i64) -> Author {
        let mut conn = self.here.pool.acquire().await.unwrap();
        let profile = Profile {
            github_id,
            username: format!("user-{github_id}"),
            email: String::new(),
            avatar_url: None,
        };
        let user = users::sign_in(&mut conn, &profile).await.unwrap();
        let key = user.github_id.to_string();
        outbox::append(&mut conn, outbox::Aggregate::User, &key, user.version).await.unwrap();
        Author { github_id, username: user.username, avatar_url: None }
    }
}

/// A run that came from a file, so that it is published like one that was measured here.
fn ours(pod_id: &str, minute: i64) -> PublishedRun {
    PublishedRun { origin: Origin::Imported("file:test".to_owned()), ..run(pod_id, minute) }
}

fn pods(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.get_str("pod_id").unwrap()).collect()
}

/// The right to send, which no other process has.
async fn turn(pair: &Pair) -> Turn {
    Turn::take(&pair.here.pool).await.unwrap().unwrap()
}
