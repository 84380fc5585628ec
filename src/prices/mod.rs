//! Prices of GPUs: the sources, asking them, and what of their answers is believed and kept. What a name or a unit means
//! is `domain::price`'s business, the tables are `store`'s.

mod drops;
mod fx;
mod judge;
mod read;
mod scrape;
mod settings;
pub mod source;
pub mod sources;
pub mod web;

use reqwest::RequestBuilder;

pub use self::{
    scrape::{Outcome, Scraped, scrape, scrape_all},
    settings::{Access, Settings},
    source::{Page, Pages, PriceSource, SourceError},
};
use crate::{config::Secret, domain::catalog::CatalogError, store};

/// Why nothing could be scraped at all. What single sources do wrong is in [`Scraped`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The catalog that is part of the program is broken.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// There is no source of this name.
    #[error(transparent)]
    Unknown(#[from] crate::domain::names::UnknownName),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The source of this name.
///
/// # Errors
/// Offers the nearest names.
pub fn find(name: &str) -> Result<&'static dyn PriceSource, Error> {
    sources::ALL.iter().copied().find(|source| source.name() == name).ok_or_else(|| {
        let known = sources::ALL.iter().map(|source| (source.name(), vec![source.name()]));
        crate::domain::names::UnknownName::among("source", name, known).into()
    })
}

/// The request with the key as a bearer token.
fn bearer(request: RequestBuilder, key: Option<&Secret>) -> RequestBuilder {
    match key {
        Some(key) => request.bearer_auth(key.expose()),
        None => request,
    }
}
