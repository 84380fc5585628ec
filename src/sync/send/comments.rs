//! Comments. Their likes go one by one, and only ours: readers' sites write the same list.

use futures::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};
use sqlx::PgPool;

use super::{Outcome, Stop, delete, each, made};
use crate::{
    store::{
        outbox::Waiting,
        outgoing::{self, OutgoingComment},
    },
    sync::{
        Target,
        documents::{self, int},
        fault::Fault,
    },
};

/// Sends the comments of these rows: what is gone or hidden is deleted. Replies have rows of their own, and those that
/// readers wrote are theirs.
pub(super) async fn send<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let ids: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let stored = outgoing::comments(&mut *pool.acquire().await?, &ids).await?;
    let from_there = format!("mongodb:{}", target.name());
    let (mut outcomes, mut gone, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match stored.iter().find(|comment| comment.id == row.key) {
            Some(comment) if comment.imported_from.as_deref() == Some(&from_there) => {
                outcomes.push((*row, None));
            }
            Some(comment) => there.push((*row, documents::comment(comment).map(|upsert| (comment, upsert)))),
            None => gone.push((*row, documents::object_id(&row.key))),
        }
    }
    let (gone, unfit) = made(gone);
    outcomes.extend(unfit);
    let deletes = gone.iter().map(|(row, id)| (*row, delete(doc! { "_id": id })));
    outcomes.extend(each(target, "delete", "comments", deletes.collect()).await?);
    let (there, unfit) = made::<(&OutgoingComment, documents::Upsert)>(there);
    outcomes.extend(unfit);
    let upserts = there.iter().map(|(row, (_, upsert))| (*row, upsert.statement(false)));
    let written = each(target, "update", "comments", upserts.collect()).await?;
    let comments: Vec<&OutgoingComment> = there.iter().map(|(_, (comment, _))| *comment).collect();
    match likes(target, &comments).await {
        Ok(()) => outcomes.extend(written),
        Err(Fault::Away(text)) => return Err(Fault::Away(text).into()),
        Err(fault) => {
            let unliked = |error: Option<String>| error.or_else(|| Some(fault.text().to_owned()));
            outcomes.extend(written.into_iter().map(|(row, error)| (row, unliked(error))));
        }
    }
    Ok(outcomes)
}

/// Adds the likes that are ours and not there yet, and takes back those that were ours and are no more. `sync_likes`
/// says which are ours; each of the two statements may be done again.
async fn likes(target: &Target, comments: &[&OutgoingComment]) -> Result<(), Fault> {
    let of = |error: mongodb::error::Error| Fault::of(&error);
    let ids: Vec<_> = comments.iter().filter_map(|comment| documents::object_id(&comment.id).ok()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let collection = target.database.collection::<Document>("comments");
    let found = collection.find(doc! { "_id": { "$in": ids } });
    let found: Vec<Document> =
        found.projection(doc! { "sync_likes": 1 }).await.map_err(of)?.try_collect().await.map_err(of)?;
    let mut changes = Vec::new();
    for comment in comments {
        let Ok(id) = documents::object_id(&comment.id) else { continue };
        let Some(document) =
            found.iter().find(|document| document.get_object_id("_id").is_ok_and(|there| there == id))
        else {
            continue;
        };
        let ours = document.get_array("sync_likes").map(Vec::as_slice).unwrap_or_default();
        let ours: Vec<i64> = ours.iter().filter_map(number).collect();
        for liker in comment.likers.iter().filter(|liker| !ours.contains(liker)) {
            changes.push(vote(doc! { "_id": id }, *liker, true));
            changes.push(doc! { "q": { "_id": id }, "u": { "$addToSet": { "sync_likes": int(*liker) } } });
        }
        for liker in ours.iter().filter(|liker| !comment.likers.contains(liker)) {
            changes.push(vote(doc! { "_id": id }, *liker, false));
            changes.push(doc! { "q": { "_id": id }, "u": { "$pull": { "sync_likes": int(*liker) } } });
        }
    }
    if changes.is_empty() { Ok(()) } else { target.write("update", "comments", changes, None).await }
}

/// A vote that is counted once, however often it is sent, or taken back once.
pub(super) fn vote(key: Document, person: i64, is_there: bool) -> Document {
    let mut filter = key;
    let person = int(person);
    if is_there {
        filter.insert("user_likes", doc! { "$ne": person.clone() });
        doc! { "q": filter, "u": { "$inc": { "likes": 1 }, "$push": { "user_likes": person } } }
    } else {
        filter.insert("user_likes", person.clone());
        doc! { "q": filter, "u": { "$inc": { "likes": -1 }, "$pull": { "user_likes": person } } }
    }
}

fn number(value: &Bson) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}
