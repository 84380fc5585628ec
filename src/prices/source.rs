//! What a source of prices is, and how one can fail. Fetching and reading are apart, so that what is read can be tested
//! on recorded answers.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::web::Web;
use crate::{
    config::Secret,
    domain::price::{Market, RawOffer},
};

/// One answer of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Which part it is: an endpoint, a zone, a cloud.
    pub part: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Page {
    /// An answer.
    #[must_use]
    pub fn new(part: impl Into<String>, body: Vec<u8>) -> Self {
        Self { part: part.into(), body }
    }
}

/// What a source answered.
#[derive(Debug, Default)]
pub struct Pages {
    /// The answers.
    pub pages: Vec<Page>,
    /// Parts that didn't answer, where the others are worth having without them.
    pub missing: Vec<(String, SourceError)>,
}

impl From<Vec<Page>> for Pages {
    fn from(pages: Vec<Page>) -> Self {
        Self { pages, missing: Vec::new() }
    }
}

/// Somebody who says what GPUs cost.
#[async_trait]
pub trait PriceSource: Send + Sync {
    /// Its name, in lower case with `_`: the `<SOURCE>` of its variables.
    fn name(&self) -> &'static str;

    /// Whether it is asked only where a key is set.
    fn needs_key(&self) -> bool {
        false
    }

    /// What `<…>_API_KEY` the key is in, in lower case.
    fn key_name(&self) -> &'static str {
        self.name()
    }

    /// Where it is asked. `PRICE_<SOURCE>_URL` overrides it.
    fn default_url(&self) -> &'static str;

    /// It isn't asked again sooner than this.
    fn min_interval(&self) -> Duration {
        Duration::from_mins(5)
    }

    /// How long an ask may take, repeats included.
    fn time_limit(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// Whether its offers are prices, or a market's that are summed up.
    fn market(&self) -> Market {
        Market::List
    }

    /// Whether each page can be read without the others, so that one that can't be read costs only itself.
    fn pages_stand_alone(&self) -> bool {
        false
    }

    /// Asks.
    ///
    /// # Errors
    /// When nothing can be made of what it says, or it says nothing.
    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError>;

    /// Reads what it answered. Pure. Fields that aren't known are passed over, one that is missed is an error.
    ///
    /// # Errors
    /// Names the path of what is missing.
    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError>;
}

/// Why a source has no new prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It can't be reached, or broke off.
    #[error("it can't be reached: {0}")]
    Unreachable(String),
    /// It answered with a status that isn't success.
    #[error("it answered {status}: {detail}")]
    Status {
        /// The status.
        status: u16,
        /// What it said, in a line.
        detail: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It took too long.
    #[error("it took longer than {} s", .0.as_secs_f64())]
    TooSlow(Duration),
    /// Its answer is larger than we take.
    #[error("{part}: the answer is larger than {limit_mb} MB")]
    TooLarge {
        /// Which answer.
        part: String,
        /// The limit, 10⁶ bytes.
        limit_mb: u64,
    },
    /// Its answer isn't in its format.
    #[error("{part}: {what} instead of {expected}")]
    Format {
        /// Which answer.
        part: String,
        /// What it should be: `JSON`, `CSV`, …
        expected: &'static str,
        /// What it is.
        what: String,
    },
    /// Its answer has another shape than it had.
    #[error("{part}: {path}: {reason}")]
    Shape {
        /// Which answer.
        part: String,
        /// Where, e.g. `offers[3].dph_base`.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// It refused in its own words, with a status that says success.
    #[error("it refuses: {0}")]
    Refused(String),
    /// It lists no GPU: that is no price list.
    #[error("it lists no GPU at all")]
    Empty,
    /// It can't be asked as it is set up.
    #[error("{0}")]
    Setup(String),
}

impl SourceError {
    /// A shape error.
    pub(super) fn shape(part: &str, path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Shape { part: part.to_owned(), path: path.into(), reason: reason.into() }
    }
}

/// The page of this part.
///
/// # Errors
/// When there is none.
pub(super) fn page<'p>(pages: &'p [Page], part: &str) -> Result<&'p Page, SourceError> {
    pages
        .iter()
        .find(|page| page.part == part)
        .ok_or_else(|| SourceError::shape(part, "$", "there is no such answer"))
}
