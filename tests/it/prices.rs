//! Prices: every source read from its recorded answer, then asked over HTTP with everything that can go wrong.

mod faults;
mod people;
mod plans;
mod read;
mod scrape;

use dria_bench::{
    prices::{self, PriceSource, Scraped, Settings},
    store::price_reads::{self, Filter, Latest},
};
use sqlx::PgPool;

use crate::support::{clouds::FakeClouds, database::TestDatabase};

/// A database, and every source on a server of our own.
struct Prices {
    database: TestDatabase,
    clouds: FakeClouds,
    settings: Settings,
}

impl Prices {
    async fn new() -> Self {
        let clouds = FakeClouds::start().await;
        let settings = clouds.settings();
        Self { database: TestDatabase::new().await, clouds, settings }
    }

    fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    /// Asks these sources, be it again.
    async fn scrape(&self, names: &[&str]) -> Vec<Scraped> {
        let wanted: Vec<&'static dyn PriceSource> =
            names.iter().map(|name| prices::find(name).unwrap()).collect();
        prices::scrape(self.pool(), &self.settings, &wanted, true).await.unwrap()
    }

    /// Asks one.
    async fn ask(&self, name: &str) -> Scraped {
        self.scrape(&[name]).await.remove(0)
    }

    async fn latest(&self, filter: &Filter<'_>) -> Vec<Latest> {
        price_reads::latest(&mut self.pool().acquire().await.unwrap(), filter).await.unwrap()
    }

    /// The price of the only series of this source and GPU.
    async fn price(&self, source: &str, gpu_key: &str) -> String {
        let all = self.latest(&Filter { gpu_keys: Some(&[gpu_key.to_owned()]), ..Filter::default() }).await;
        let of_source: Vec<&Latest> = all.iter().filter(|price| price.source == source).collect();
        let [price] = of_source.as_slice() else { panic!("{of_source:#?}") };
        price.usd_per_gpu_hour.to_string()
    }
}
