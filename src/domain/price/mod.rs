//! What a GPU costs: offers as sources list them, and the prices they come to in US dollars per GPU-hour.
//!
//! Pure: who is asked, how, and when, is not known here. No price that leaves this module is zero, negative or absurd.

mod amount;
pub mod freshness;
pub mod guard;
pub mod names;
pub mod normalise;
mod signature;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::{
    amount::Amount,
    freshness::Freshness,
    names::GpuNames,
    normalise::{Normalised, Rates, normalise},
};

/// How a machine is sold. The two are never mixed: a spot machine may be taken away at any time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// Yours until you give it back.
    OnDemand,
    /// Cheaper, and may be taken away.
    Spot,
}

impl PriceKind {
    /// Its name in tables and flags.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Spot => "spot",
        }
    }
}

impl fmt::Display for PriceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PriceKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on_demand" | "on-demand" => Ok(Self::OnDemand),
            "spot" => Ok(Self::Spot),
            _ => Err("a kind of price is on_demand or spot"),
        }
    }
}

/// How many GPUs an offer is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gpus {
    /// So many.
    Count(u32),
    /// The source states only the memory of all of them together, in GB; a part of one card's is a slice.
    Memory(f64),
    /// A part of a GPU.
    Slice,
}

/// What an offer's price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One GPU of it for an hour, however many are taken.
    Gpu,
    /// One GPU of exactly so many for an hour: other numbers of them have a stock of their own.
    GpuOfMany,
    /// All of it for an hour.
    Machine,
}

/// Longest text of an offer that is kept.
const TEXT_CHARS: usize = 300;

/// One offer as a source lists it: its own name of the GPU, its own unit, nothing converted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct RawOffer {
    /// Where it is rented, in the spelling readers know: `runpod`, `vast.ai`, `google`, …
    pub platform: String,
    /// Whose machine it is, where the platform resells; else empty.
    pub provider: String,
    /// The source's id of the offer: one that is listed twice counts once. Empty: it has none.
    pub id: String,
    /// The GPU, as the source spells it.
    pub gpu_name: String,
    /// Words that say its form where the name doesn't: `SXM5`, `pcie`.
    pub form: String,
    /// Memory of one GPU in GB or GiB, as stated.
    pub memory_gb: Option<f64>,
    /// How many GPUs.
    pub gpus: Gpus,
    /// The price in [`RawOffer::currency`].
    pub price: Amount,
    /// What the price is for.
    pub per: Per,
    /// `USD`, `EUR`.
    pub currency: String,
    /// On demand or spot.
    pub kind: PriceKind,
    /// `secure`, `community`, …; empty where there is only one.
    pub tier: String,
    /// The region that the price holds in; empty: it is the same everywhere.
    pub region: String,
    /// Where it can be had now, where the source says so.
    pub regions: Vec<String>,
    /// Whether it can be had now; `None`: the source doesn't say.
    pub in_stock: Option<bool>,
    /// What a source has summed up itself; [`RawOffer::price`] is then the median.
    pub summed: Option<Summed>,
}

/// What a marketplace says of many offers of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// The lowest of them.
    pub min: Amount,
    /// How many there are.
    pub offers: u32,
}

impl RawOffer {
    /// The same with texts that can be kept and shown anywhere: without control characters, which PostgreSQL or a terminal
    /// would stumble over, and not longer than any that is real.
    #[must_use]
    pub fn plain(mut self) -> Self {
        let texts = [
            &mut self.platform,
            &mut self.provider,
            &mut self.id,
            &mut self.gpu_name,
            &mut self.form,
            &mut self.currency,
            &mut self.tier,
            &mut self.region,
        ];
        for text in texts.into_iter().chain(&mut self.regions) {
            if text.len() > TEXT_CHARS || text.contains(char::is_control) {
                *text = text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS).collect();
            }
        }
        self
    }

    /// An offer of one GPU for so many US dollars an hour on demand; the rest is filled in with `..`.
    #[must_use]
    pub fn new(platform: impl Into<String>, gpu_name: impl Into<String>, price: Amount) -> Self {
        Self {
            platform: platform.into(),
            provider: String::new(),
            id: String::new(),
            gpu_name: gpu_name.into(),
            form: String::new(),
            memory_gb: None,
            gpus: Gpus::Count(1),
            price,
            per: Per::Gpu,
            currency: "USD".to_owned(),
            kind: PriceKind::OnDemand,
            tier: String::new(),
            region: String::new(),
            regions: Vec::new(),
            in_stock: None,
            summed: None,
        }
    }
}

/// How a source's offers become prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// A list of prices: each is one.
    List,
    /// Many sellers: of a GPU's offers the median is its price, with the lowest, the tenth percentile and their number.
    Many,
}

/// What a price is of, apart from who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// Where it is rented.
    pub platform: String,
    /// Whose machine it is, where the platform resells; else empty.
    pub provider: String,
    /// The GPU: an id of `catalog/gpus.csv`.
    pub gpu_key: String,
    /// GPUs of the machine; 0: any number, the price of each is the same.
    pub gpu_count: u32,
    /// On demand or spot.
    pub kind: PriceKind,
    /// `secure`, `community`, …; empty where there is only one.
    pub tier: String,
    /// The region that it holds in; empty: everywhere.
    pub region: String,
}

/// A price in US dollars per GPU-hour. All its money is greater than zero and at most [`guard::CAP_USD`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Price {
    /// What it is of.
    #[serde(flatten)]
    pub series: Series,
    /// The price; of a marketplace, the median of its offers.
    pub usd_per_gpu_hour: Decimal,
    /// Of a marketplace: what is beside the median.
    pub spread: Option<Spread>,
    /// Whether it can be had now; `None`: the source doesn't say.
    pub in_stock: Option<bool>,
    /// Where it can be had now, sorted.
    pub regions: Vec<String>,
}

/// The offers of a marketplace beside their median.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// The lowest.
    pub min: Decimal,
    /// A tenth of them cost at most this; `None`: the source sums up and doesn't say.
    pub p10: Option<Decimal>,
    /// How many there are.
    pub offers: u32,
}
