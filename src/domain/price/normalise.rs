//! Offers → prices: names to GPUs, units to US dollars per GPU-hour, duplicates and slices out, a marketplace's offers to
//! their median. What isn't believed is kept apart with its reason.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rust_decimal::Decimal;

use super::{
    Amount, Gpus, Market, Per, Price, RawOffer, Series, Spread,
    guard::{self, Doubt},
    names::{GpuNames, Named},
};

/// Digits behind the point that are kept of a price.
const SCALE: u32 = 6;

/// How far so much memory may be from a whole number of cards, in cards.
const WHOLE_CARDS: f64 = 0.1;

/// US dollars for one unit of another currency.
pub type Rates = BTreeMap<String, Decimal>;

/// What a source's offers come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Normalised {
    /// The prices, one a series, sorted.
    pub prices: Vec<Price>,
    /// What wasn't believed.
    pub refused: Vec<Refused>,
    /// Names that lead nowhere, each once.
    pub unknown: Vec<UnknownGpu>,
    /// Offers of unknown GPUs.
    pub unknown_offers: u32,
    /// Offers of parts of cards, left out.
    pub slices: u32,
    /// Offers of cards that aren't followed, left out.
    pub ignored: u32,
    /// Offers that were listed before, left out.
    pub duplicates: u32,
}

/// An offer that wasn't believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The offer.
    pub offer: RawOffer,
    /// Why.
    pub doubt: Doubt,
}

/// A name that leads nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownGpu {
    /// The source's name, with the words of its form.
    pub name: String,
    /// Memory of one GPU in GB, where stated.
    pub memory_gb: Option<f64>,
    /// Why it leads nowhere.
    pub reason: &'static str,
    /// What an offer of it costs, US dollars per GPU-hour.
    pub example_usd: Option<Decimal>,
    /// Offers of it.
    pub offers: u32,
}

/// Offers of one series.
#[derive(Default)]
struct Gathered {
    usd: Vec<Decimal>,
    summed: Option<(Decimal, u32)>,
    in_stock: Option<bool>,
    regions: BTreeSet<String>,
}

/// Turns a source's offers into prices.
#[must_use]
pub fn normalise(
    names: &GpuNames,
    source: &str,
    market: Market,
    offers: &[RawOffer],
    rates: &Rates,
) -> Normalised {
    let mut done = Normalised::default();
    let mut unknown: BTreeMap<String, UnknownGpu> = BTreeMap::new();
    let mut series: BTreeMap<Series, Gathered> = BTreeMap::new();
    let mut ids = HashSet::new();
    for offer in offers {
        // A marketplace's offers are told apart by their ids. Of a list, the same price twice is the same price.
        if !offer.id.is_empty() && !ids.insert((&offer.platform, &offer.id, offer.kind)) {
            done.duplicates += 1;
            continue;
        }
        let (gpu_key, gpus) = match placed(names, source, offer) {
            Placed::At(gpu_key, gpus) => (gpu_key, gpus),
            Placed::Slice => {
                done.slices += 1;
                continue;
            }
            Placed::Ignored => {
                done.ignored += 1;
                continue;
            }
            Placed::Unknown(reason) => {
                done.unknown_offers += 1;
                note_unknown(&mut unknown, offer, reason, rates);
                continue;
            }
        };
        match dollars(&offer.price, offer, gpus, rates) {
            Ok(usd) => {
                let entry = series.entry(series_of(offer, gpu_key, gpus, market)).or_default();
                gather(entry, offer, usd, gpus, rates);
            }
            Err(doubt) => done.refused.push(Refused { offer: offer.clone(), doubt }),
        }
    }
    done.prices =
        series.into_iter().filter_map(|(series, gathered)| price(series, gathered, market)).collect();
    done.unknown = unknown.into_values().collect();
    done
}

enum Placed {
    /// This GPU, so many of them.
    At(String, u32),
    Slice,
    Ignored,
    Unknown(&'static str),
}

fn placed(names: &GpuNames, source: &str, offer: &RawOffer) -> Placed {
    let id = match names.find(source, &offer.gpu_name, &offer.form, offer.memory_gb) {
        Named::Gpu(id) => id,
        Named::Slice => return Placed::Slice,
        Named::Ignored => return Placed::Ignored,
        Named::Unknown(reason) => return Placed::Unknown(reason),
    };
    match offer.gpus {
        Gpus::Slice | Gpus::Count(0) => Placed::Slice,
        Gpus::Count(count) => Placed::At(id, count),
        Gpus::Memory(gb) => match names.memory_gb(&id) {
            Some(card) => {
                let cards = gb / card;
                let whole = cards.round();
                if cards < 1.0 - WHOLE_CARDS {
                    Placed::Slice
                } else if (cards - whole).abs() <= WHOLE_CARDS * whole && whole <= 64.0 {
                    Placed::At(id, whole as u32)
                } else {
                    Placed::Unknown("its memory is no whole number of cards")
                }
            }
            None => Placed::Unknown("the catalog doesn't know how much memory this GPU has"),
        },
    }
}

fn series_of(offer: &RawOffer, gpu_key: String, gpus: u32, market: Market) -> Series {
    let per_gpu = market == Market::Many || offer.per == Per::Gpu;
    Series {
        platform: offer.platform.clone(),
        provider: offer.provider.clone(),
        gpu_key,
        gpu_count: if per_gpu { 0 } else { gpus },
        kind: offer.kind,
        tier: offer.tier.clone(),
        region: if market == Market::Many { String::new() } else { offer.region.clone() },
    }
}

/// US dollars per GPU-hour of a sum of this offer.
fn dollars(amount: &Amount, offer: &RawOffer, gpus: u32, rates: &Rates) -> Result<Decimal, Doubt> {
    let Amount::Number(number) = amount else { return Err(Doubt::Unreadable) };
    let rate = match offer.currency.to_ascii_uppercase().as_str() {
        "USD" => Decimal::ONE,
        other => *rates.get(other).ok_or(Doubt::Currency)?,
    };
    let parts = if offer.per == Per::Machine { Decimal::from(gpus) } else { Decimal::ONE };
    let usd = number.checked_mul(rate).and_then(|usd| usd.checked_div(parts)).ok_or(Doubt::TooHigh)?;
    let usd = usd.round_dp(SCALE).normalize();
    guard::check(usd)?;
    Ok(usd)
}

fn gather(entry: &mut Gathered, offer: &RawOffer, usd: Decimal, gpus: u32, rates: &Rates) {
    entry.usd.push(usd);
    if let Some(summed) = &offer.summed
        && let Ok(min) = dollars(&summed.min, offer, gpus, rates)
    {
        entry.summed = Some((min, summed.offers.max(1)));
    }
    entry.in_stock = match (entry.in_stock, offer.in_stock) {
        (Some(known), Some(said)) => Some(known || said),
        (known, said) => known.or(said),
    };
    entry.regions.extend(offer.regions.iter().filter(|region| !region.is_empty()).cloned());
}

/// The price of a series: the median of a marketplace, the lowest of a list.
fn price(series: Series, mut gathered: Gathered, market: Market) -> Option<Price> {
    gathered.usd.sort_unstable();
    let lowest = *gathered.usd.first()?;
    let count = u32::try_from(gathered.usd.len()).unwrap_or(u32::MAX);
    let (usd_per_gpu_hour, spread) = match (market, gathered.summed) {
        (Market::List, _) => (lowest, None),
        (Market::Many, Some((min, offers))) => {
            (lowest, Some(Spread { min: min.min(lowest), p10: None, offers }))
        }
        (Market::Many, None) => {
            let spread = Spread { min: lowest, p10: nearest_rank(&gathered.usd, 10), offers: count };
            (median(&gathered.usd)?, Some(spread))
        }
    };
    let regions = gathered.regions.into_iter().collect();
    Some(Price { series, usd_per_gpu_hour, spread, in_stock: gathered.in_stock, regions })
}

/// The middle one of sorted prices, or the mean of the two in the middle.
#[must_use]
pub fn median(sorted: &[Decimal]) -> Option<Decimal> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(((lower + upper) / Decimal::TWO).round_dp(SCALE).normalize())
}

/// The lowest of sorted prices that at least so many per cent of them don't exceed.
fn nearest_rank(sorted: &[Decimal], percent: usize) -> Option<Decimal> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn note_unknown(
    unknown: &mut BTreeMap<String, UnknownGpu>,
    offer: &RawOffer,
    reason: &'static str,
    rates: &Rates,
) {
    let name = format!("{} {}", offer.gpu_name, offer.form).trim().to_owned();
    let gpus = match offer.gpus {
        Gpus::Count(count) => Some(count.max(1)),
        Gpus::Memory(_) | Gpus::Slice => None,
    };
    let usd = gpus.and_then(|gpus| dollars(&offer.price, offer, gpus, rates).ok());
    let entry = unknown.entry(name.clone()).or_insert(UnknownGpu {
        name,
        memory_gb: offer.memory_gb,
        reason,
        example_usd: None,
        offers: 0,
    });
    entry.offers += 1;
    entry.example_usd = entry.example_usd.or(usd);
}
