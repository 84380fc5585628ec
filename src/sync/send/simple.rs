//! Users, votes for runs, conversations and prices: one document a row.

use std::collections::BTreeMap;

use mongodb::bson::doc;
use sqlx::PgPool;

use super::{Outcome, Stop, comments::vote, delete, each, made};
use crate::{
    domain::catalog::Catalog,
    prices::sources,
    store::{outbox::Waiting, outgoing},
    sync::{
        Target,
        documents::{self, NamedPrice, Unfit, int},
        fault::Fault,
    },
};

/// Sends users; who is gone is deleted.
pub(super) async fn users<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.key.parse().ok()).collect();
    let stored = outgoing::users(&mut *pool.acquire().await?, &ids).await?;
    let from_there = format!("mongodb:{}", target.name());
    let (mut outcomes, mut upserts, mut deletes) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let id: Option<i64> = row.key.parse().ok();
        match (id, stored.iter().find(|user| Some(user.github_id) == id)) {
            (_, Some(user)) if user.imported_from.as_deref() == Some(&from_there) => {
                outcomes.push((*row, None));
            }
            (_, Some(user)) => upserts.push((*row, documents::user(user).statement(false))),
            (Some(id), None) => deletes.push((*row, delete(doc! { "github_id": int(id) }))),
            (None, None) => {
                outcomes.push((*row, Some(Unfit(format!("`{}` is no GitHub id", row.key)).to_string())));
            }
        }
    }
    outcomes.extend(each(target, "update", "users", upserts).await?);
    outcomes.extend(each(target, "delete", "users", deletes).await?);
    Ok(outcomes)
}

/// Sends votes. One for a run that isn't there needs no sending: the run brings its votes with it.
pub(super) async fn upvotes<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let read = |row: &&'a Waiting| {
        let vote =
            row.key.rsplit_once(':').and_then(|(pod, id)| Some((pod.to_owned(), id.parse::<i64>().ok()?)));
        (*row, vote.ok_or_else(|| Unfit(format!("`{}` is no run and GitHub id", row.key))))
    };
    let (votes, mut outcomes) = made(rows.iter().map(read).collect());
    let (pods, people): (Vec<String>, Vec<i64>) = votes.iter().map(|(_, vote)| vote.clone()).unzip();
    let there = outgoing::upvotes(&mut *pool.acquire().await?, &pods, &people).await?;
    let statements = votes
        .iter()
        .map(|(row, key)| (*row, vote(doc! { "pod_id": key.0.as_str() }, key.1, there.contains(key))));
    outcomes.extend(each(target, "update", "pod_benchmarks", statements.collect()).await?);
    Ok(outcomes)
}

/// Sends conversations, where that is wanted; what is gone is deleted.
pub(super) async fn chats<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let ids: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let stored = outgoing::chats(&mut *pool.acquire().await?, &ids).await?;
    let from_there = format!("mongodb:{}", target.name());
    let (mut outcomes, mut kept, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match stored.iter().find(|chat| chat.id == row.key) {
            Some(chat) if !target.publish_chat_logs || chat.imported_from.as_deref() == Some(&from_there) => {
                outcomes.push((*row, None));
            }
            Some(chat) => kept.push((*row, documents::chat(chat, row.version))),
            None => gone.push((*row, documents::object_id(&row.key))),
        }
    }
    let (kept, unfit) = made(kept);
    outcomes.extend(unfit);
    let upserts = kept.iter().map(|(row, upsert)| (*row, upsert.statement(false)));
    outcomes.extend(each(target, "update", "chat_logs", upserts.collect()).await?);
    let (gone, unfit) = made(gone);
    outcomes.extend(unfit);
    let deletes = gone.iter().map(|(row, id)| (*row, delete(doc! { "_id": id })));
    outcomes.extend(each(target, "delete", "chat_logs", deletes.collect()).await?);
    Ok(outcomes)
}

/// Sends prices, and this hour's line. A price that isn't listed any more stays as it was seen.
pub(super) async fn prices<'a>(
    pool: &PgPool,
    target: &Target,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    let all = named_prices(pool).await?;
    let by_key: BTreeMap<String, &NamedPrice> = all
        .iter()
        .map(|named| (format!("{}:{}", named.price.gpu_key, named.price.platform), named))
        .collect();
    let (mut outcomes, mut listed) = (Vec::new(), Vec::new());
    for row in rows {
        match by_key.get(&row.key) {
            Some(named) => listed.push((*row, documents::price(named))),
            None => outcomes.push((*row, None)),
        }
    }
    let (listed, unfit) = made(listed);
    outcomes.extend(unfit);
    let upserts = listed.iter().map(|(row, upsert)| (*row, upsert.statement(false)));
    outcomes.extend(each(target, "update", "gpu_pricing_processed", upserts.collect()).await?);
    hourly(target, &all).await?;
    Ok(outcomes)
}

/// Writes this hour's line. One that can't be written is no reason to put off prices: the next one is made of all of
/// them again.
async fn hourly(target: &Target, all: &[NamedPrice]) -> Result<(), Fault> {
    let written = match documents::hourly(all) {
        Ok(Some(hour)) => target.write("update", hour.collection, vec![hour.statement(false)], None).await,
        Ok(None) => Ok(()),
        Err(unfit) => Err(Fault::Refused(unfit.to_string())),
    };
    match written {
        Err(Fault::Away(text)) => Err(Fault::Away(text)),
        Err(fault) => {
            let error = target.error(&fault);
            tracing::warn!(%error, "this hour's line of prices could not be published");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The cheapest prices with the names of their GPUs. Two GPUs of one name have one price there: the lower.
pub(in crate::sync) async fn named_prices(pool: &PgPool) -> Result<Vec<NamedPrice>, crate::store::Error> {
    let mut conn = pool.acquire().await?;
    let prices = outgoing::prices(&mut conn).await?;
    let catalog = Catalog::embedded().ok();
    let name = |key: &str| {
        let gpu = catalog.as_ref().and_then(|catalog| catalog.gpus().iter().find(|gpu| gpu.id == key));
        gpu.map_or_else(|| key.to_owned(), |gpu| gpu.display_name.clone())
    };
    let called: Vec<String> = prices.iter().map(|price| name(&price.gpu_key)).collect();
    let lower: Vec<String> = called.iter().map(|name| name.to_lowercase()).collect();
    let ids = outgoing::md5(&mut conn, &lower).await?;
    let named = prices.into_iter().zip(called).zip(ids);
    let mut named: Vec<_> = named
        .map(|((price, name), id)| {
            let source = sources::ALL.iter().find(|source| source.name() == price.source);
            let source_url = source.map(|source| source.default_url().to_owned()).unwrap_or_default();
            NamedPrice { price, name, id, source_url }
        })
        .collect();
    named.sort_by(|a, b| {
        let key = |named: &NamedPrice| {
            (named.id.clone(), named.price.platform.clone(), named.price.usd_per_gpu_hour)
        };
        key(a).cmp(&key(b))
    });
    named.dedup_by(|a, b| a.id == b.id && a.price.platform == b.price.platform);
    Ok(named)
}
