//! Asking the sources: each apart, with its own limits, and what it says recorded in one transaction. A source that fails
//! keeps the prices it gave last; they age.

use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;
use sqlx::PgPool;
use url::Url;

use super::{
    Error, drops, fx,
    judge::judge,
    settings::{Access, Settings},
    source::{Pages, PriceSource, SourceError},
    sources::ALL,
    web::Web,
};
use crate::{
    domain::price::{GpuNames, Rates, RawOffer, normalise},
    store::prices::{self, Finish},
};

/// How an ask ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered in full.
    Ok,
    /// Some of its parts didn't answer.
    Partial,
    /// There are no new prices.
    Failed,
    /// It wants a key, and none is set: not asked.
    NoKey,
    /// It was asked a moment ago: not asked.
    TooSoon,
}

/// What asking one source came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scraped {
    /// The source.
    pub source: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What failed, or why it wasn't asked.
    pub error: Option<String>,
    /// Offers it listed.
    pub offers: u64,
    /// Prices they came to.
    pub prices: u64,
    /// Prices that are new in the history.
    pub points: u64,
    /// Series that it lists no longer.
    pub withdrawn: u64,
    /// Offers whose GPU isn't known.
    pub unknown: u64,
    /// Prices that weren't believed.
    pub quarantined: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
}

impl Scraped {
    fn not_asked(source: &'static str, outcome: Outcome, reason: String) -> Self {
        Self {
            source,
            outcome,
            error: Some(reason),
            offers: 0,
            prices: 0,
            points: 0,
            withdrawn: 0,
            unknown: 0,
            quarantined: 0,
            took_ms: 0,
        }
    }
}

/// Asks every source that has what it needs, unless it was asked a moment ago.
///
/// # Errors
/// When the database fails. What sources do wrong is in the answers.
pub async fn scrape_all(pool: &PgPool, settings: &Settings) -> Result<Vec<Scraped>, Error> {
    scrape(pool, settings, ALL, false).await
}

/// Asks these sources, several at a time; `at_once`: also those that were asked a moment ago. Where the database fails for
/// one of them, that is this one's failure, and the others go on.
///
/// # Errors
/// When the database failed for every one of them. What single sources do wrong is in the answers.
pub async fn scrape(
    pool: &PgPool,
    settings: &Settings,
    sources: &[&'static dyn PriceSource],
    at_once: bool,
) -> Result<Vec<Scraped>, Error> {
    let names = GpuNames::embedded()?;
    let mut asks = Vec::with_capacity(sources.len());
    for source in sources {
        let ask = one(pool, settings, *source, &names, at_once);
        asks.push(ask.map(|done| (source.name(), done)).boxed());
    }
    let at_a_time = stream::iter(asks).buffer_unordered(settings.at_once.max(1));
    let (mut scraped, mut first) = (Vec::with_capacity(sources.len()), None);
    let mut broken = 0;
    for (source, done) in at_a_time.collect::<Vec<_>>().await {
        scraped.push(done.unwrap_or_else(|error| {
            tracing::warn!(source, %error, "its prices could not be recorded");
            broken += 1;
            let failed = Scraped::not_asked(source, Outcome::Failed, not_recorded(&error));
            first.get_or_insert(error);
            failed
        }));
    }
    match first {
        Some(error) if broken == sources.len() => return Err(error),
        _ => {}
    }
    scraped.sort_by_key(|done| sources.iter().position(|source| source.name() == done.source));
    Ok(scraped)
}

fn not_recorded(error: &Error) -> String {
    format!("its prices could not be recorded: {error}")
}

async fn one(
    pool: &PgPool,
    settings: &Settings,
    source: &'static dyn PriceSource,
    names: &GpuNames,
    at_once: bool,
) -> Result<Scraped, Error> {
    let access = settings.of(source.name());
    if source.needs_key() && access.key.is_none() {
        let reason = format!("{}_API_KEY is not set", source.key_name().to_uppercase());
        return Ok(Scraped::not_asked(source.name(), Outcome::NoKey, reason));
    }
    let interval = if at_once { Duration::ZERO } else { source.min_interval() };
    let Some(scrape) = prices::begin(&mut *pool.acquire().await?, source.name(), interval).await? else {
        let reason = format!("it was asked less than {} s ago", interval.as_secs());
        return Ok(Scraped::not_asked(source.name(), Outcome::TooSoon, reason));
    };
    let started = Instant::now();
    let limit = settings.time_limit.unwrap_or_else(|| source.time_limit());
    let asked = tokio::time::timeout(limit, ask(pool, settings, source, &access)).await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Source(SourceError::TooSlow(limit))),
    };
    let mut done = Scraped::not_asked(source.name(), Outcome::Failed, String::new());
    match answer {
        Ok(answer) => {
            let recorded =
                record(pool, source, names, scrape, answer, (&access, settings.drop_percent), &mut done)
                    .await;
            if let Err(error) = recorded {
                failed(pool, scrape, &not_recorded(&error)).await?;
                return Err(error);
            }
        }
        Err(Failure::Store(error)) => return Err(error.into()),
        Err(Failure::Source(error)) => {
            let why = scrubbed(&error.to_string(), &access);
            failed(pool, scrape, &why).await?;
            done.error = Some(why);
        }
    }
    done.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match (&done.error, done.outcome) {
        (Some(error), Outcome::Failed) => {
            tracing::warn!(source = done.source, error, "no new prices: the last ones stay, and age");
        }
        (Some(error), _) => tracing::warn!(source = done.source, error, "some prices are missing"),
        (None, _) => {
            tracing::info!(source = done.source, prices = done.prices, points = done.points, "prices");
        }
    }
    Ok(done)
}

/// Records that an ask failed.
async fn failed(pool: &PgPool, scrape: i64, why: &str) -> Result<(), Error> {
    let finish = Finish { outcome: "failed", error: Some(why), ..Finish::default() };
    Ok(prices::finish(&mut *pool.acquire().await?, scrape, &finish).await?)
}

enum Failure {
    Source(SourceError),
    Store(crate::store::Error),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// What a source said, read.
struct Answer {
    offers: Vec<RawOffer>,
    rates: Rates,
    missing: Missing,
}

async fn ask(
    pool: &PgPool,
    settings: &Settings,
    source: &dyn PriceSource,
    access: &Access,
) -> Result<Answer, Failure> {
    let web = Web::new(settings.web)?;
    let url = match &access.url {
        Some(url) => url.clone(),
        None => Url::parse(source.default_url()).map_err(|error| SourceError::Setup(error.to_string()))?,
    };
    let answered = source.fetch(&web, &url, access.key.as_ref()).await?;
    let (offers, missing) = read(source, answered)?;
    let foreign = offers.iter().any(|offer| !offer.currency.eq_ignore_ascii_case("USD"));
    let rates = if foreign { rates(pool, settings, &web).await? } else { Rates::new() };
    Ok(Answer { offers, rates, missing })
}

/// Parts that are missing, each with the reason.
type Missing = Vec<(String, SourceError)>;

/// The offers, and the parts that are missing.
fn read(source: &dyn PriceSource, answered: Pages) -> Result<(Vec<RawOffer>, Missing), SourceError> {
    let Pages { pages, mut missing } = answered;
    let mut offers = Vec::new();
    if source.pages_stand_alone() {
        for page in pages {
            match source.parse(std::slice::from_ref(&page)) {
                Ok(found) => offers.extend(found),
                Err(error) => missing.push((page.part, error)),
            }
        }
    } else {
        offers = source.parse(&pages)?;
    }
    let offers: Vec<_> = offers.into_iter().map(RawOffer::plain).collect();
    match (offers.is_empty(), missing.is_empty()) {
        // All of it failed: the first reason stands for them.
        (true, false) => Err(missing.swap_remove(0).1),
        (true, true) => Err(SourceError::Empty),
        _ => Ok((offers, missing)),
    }
}

/// Today's rates, else the last ones that are kept.
async fn rates(pool: &PgPool, settings: &Settings, web: &Web) -> Result<Rates, Failure> {
    let store = |error: sqlx::Error| Failure::Store(error.into());
    match fx::fetch(web, settings.ecb_url.as_ref()).await {
        Ok((date, rates)) => {
            let mut conn = pool.acquire().await.map_err(store)?;
            prices::keep_rates(&mut conn, date, &rates).await.map_err(Failure::Store)?;
            Ok(rates)
        }
        Err(error) => {
            let mut conn = pool.acquire().await.map_err(store)?;
            let kept = prices::rates(&mut conn, fx::MAX_AGE_DAYS).await.map_err(Failure::Store)?;
            if kept.is_empty() {
                return Err(SourceError::Setup(format!("no exchange rate: {error}")).into());
            }
            tracing::warn!(%error, "no exchange rates today: the last ones are used");
            Ok(kept)
        }
    }
}

/// Judges and keeps what a source said, all in one transaction.
async fn record(
    pool: &PgPool,
    source: &dyn PriceSource,
    names: &GpuNames,
    scrape: i64,
    answer: Answer,
    (access, drop_percent): (&Access, u32),
    done: &mut Scraped,
) -> Result<(), Error> {
    let normalised = normalise(names, source.name(), source.market(), &answer.offers, &answer.rates);
    let missing: Vec<String> =
        answer.missing.iter().map(|(part, error)| format!("{part}: {error}")).collect();
    let is_whole = missing.is_empty();
    let mut tx = pool.begin().await?;
    prices::lock(&mut tx, source.name()).await?;
    let cheapest = drops::before(&mut tx).await?;
    let known = prices::known(&mut tx, source.name()).await?;
    let in_quarantine = prices::jumps(&mut tx, source.name()).await?;
    let judged = judge(&normalised, &known, &in_quarantine);
    done.points = prices::accept(&mut tx, scrape, source.name(), &judged.accepted).await?;
    prices::hold(&mut tx, scrape, &judged.held).await?;
    prices::release(&mut tx, &judged.over).await?;
    prices::quarantine(&mut tx, scrape, source.name(), &judged.doubted).await?;
    prices::note_unknown(&mut tx, source.name(), &normalised.unknown).await?;
    if is_whole {
        done.withdrawn = prices::withdraw(&mut tx, scrape, source.name()).await?;
    }
    done.outcome = if is_whole { Outcome::Ok } else { Outcome::Partial };
    done.error = (!is_whole).then(|| scrubbed(&missing.join("; "), access));
    done.offers = answer.offers.len() as u64;
    done.prices = judged.accepted.len() as u64;
    done.unknown = u64::from(normalised.unknown_offers);
    done.quarantined = judged.doubted.len() as u64;
    let finish = Finish {
        outcome: if is_whole { "ok" } else { "partial" },
        error: done.error.as_deref(),
        offers: done.offers,
        prices: done.prices,
        unknown: done.unknown,
        quarantined: done.quarantined,
    };
    prices::finish(&mut tx, scrape, &finish).await?;
    drops::announce(&mut tx, cheapest.as_ref(), drop_percent).await?;
    tx.commit().await?;
    Ok(())
}

/// The text without the key, which a source may say back to us.
fn scrubbed(text: &str, access: &Access) -> String {
    let Some(key) = &access.key else { return text.to_owned() };
    let parts = key.expose().split(':').chain([key.expose()]).filter(|part| part.len() >= 4);
    parts.fold(text.to_owned(), |text, part| text.replace(part, "***"))
}
