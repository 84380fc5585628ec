//! The candidates, their order, and why the others are none.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::{
    Advice, Cost, Goal, HistoryPoint, Load, Meets, Prediction, Priced, Question, Ranked, Rejected,
    predict::predict,
};
use crate::domain::{
    catalog::Gpu,
    measure::cost::usd_per_million_output_tokens,
    sizing::{COUNTS, Disk, Fit, Options, Shape, fit, place},
};

/// Ranks every GPU and number of them that the model fits on, that can be had, and that costs no more than asked.
///
/// History is of the question's model and engine: whoever hands it in sees to that.
#[must_use]
pub fn recommend(
    question: &Question<'_>,
    gpus: &[Gpu],
    prices: &[Priced],
    history: &[HistoryPoint],
) -> Advice {
    let (mut ranked, mut rejected) = (Vec::new(), Vec::new());
    for gpu in gpus.iter().filter(|gpu| gpu.alias_of.is_none()) {
        let verdict = fit(question.shape, gpu, &question.options);
        if verdict.fits.is_none() {
            let reason = verdict.reason().map_or_else(String::new, |rejection| rejection.words.clone());
            rejected.push(Rejected { gpu: gpu.id.clone(), count: None, reason });
            continue;
        }
        for count in COUNTS.into_iter().filter(|count| *count <= question.options.max_count) {
            // Fewer than it takes is no news; more is a choice.
            let Some(placed) = placed(question.shape, gpu, &question.options, count) else { continue };
            match candidate(question, (gpu, &placed), gpus, prices, history) {
                Ok(candidate) => ranked.push(Ranked { notes: verdict.notes.clone(), ..candidate }),
                Err(reason) => rejected.push(Rejected { gpu: gpu.id.clone(), count: Some(count), reason }),
            }
        }
    }
    ranked.sort_by(|a, b| order(question, a, b));
    Advice {
        goal: question.goal,
        load: question.load,
        work: question.work,
        options: question.options,
        disk: Disk::of(question.shape, question.options.precision),
        ranked,
        rejected,
    }
}

/// The model on so many of a GPU, where it fits.
pub(super) fn placed(shape: &Shape, gpu: &Gpu, options: &Options, count: u32) -> Option<Fit> {
    place(shape, gpu, options, count).ok()
}

fn candidate(
    question: &Question<'_>,
    (gpu, fit): (&Gpu, &Fit),
    gpus: &[Gpu],
    prices: &[Priced],
    history: &[HistoryPoint],
) -> Result<Ranked, String> {
    let offer = offer(gpu, fit.count, prices)?;
    let usd_per_hour = offer.map(|offer| offer.usd_per_gpu_hour * Decimal::from(fit.count));
    if let Some(most) = question.max_usd_per_hour {
        match usd_per_hour {
            Some(price) if price > most => {
                return Err(format!("{} $ an hour are more than {most}", price.normalize()));
            }
            Some(_) => {}
            None => return Err(format!("no price is known, so whether it is below {most} $ an hour isn't")),
        }
    }
    let prediction = predict(question, (gpu, fit), gpus, history)?;
    let cost = usd_per_hour.and_then(|price| {
        let rate = prediction.output_tokens_per_second;
        Some(Cost {
            low: usd_per_million_output_tokens(price, rate.high)?,
            mid: usd_per_million_output_tokens(price, rate.mid)?,
            high: usd_per_million_output_tokens(price, rate.low)?,
        })
    });
    let price = match offer {
        Some(offer) => format!("{} $ a GPU-hour at {}", offer.usd_per_gpu_hour.normalize(), offer.source),
        None => "no price known".to_owned(),
    };
    Ok(Ranked {
        gpu: gpu.id.clone(),
        count: fit.count,
        usd_per_hour,
        offer: offer.cloned(),
        usd_per_million_output_tokens: cost,
        meets: meets(question, &prediction),
        reason: format!("{}; {price}", prediction.reason),
        prediction,
        notes: Vec::new(),
    })
}

/// The cheapest offer that can be had; `None`: nobody asks a price. A price of nothing is no price.
///
/// # Errors
/// When all that is offered is out of stock.
fn offer<'a>(gpu: &Gpu, count: u32, prices: &'a [Priced]) -> Result<Option<&'a Priced>, String> {
    let mut offers = prices
        .iter()
        .filter(|price| price.gpu == gpu.id && price.usd_per_gpu_hour > Decimal::ZERO)
        .filter(|price| price.count.is_none_or(|of| of == count))
        .peekable();
    if offers.peek().is_none() {
        return Ok(None);
    }
    let (there, gone): (Vec<_>, Vec<_>) = offers.partition(|price| price.in_stock != Some(false));
    if let Some(cheapest) = there.into_iter().min_by_key(|price| price.usd_per_gpu_hour) {
        return Ok(Some(cheapest));
    }
    let mut sources: Vec<_> = gone.iter().map(|price| price.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    Err(format!("out of stock at {}", sources.join(", ")))
}

fn meets(question: &Question<'_>, prediction: &Prediction) -> Option<Meets> {
    let asked = [(question.ttft_ms, prediction.ttft_ms), (question.itl_ms, prediction.itl_ms)];
    let judged = asked.into_iter().filter_map(|(most, figure)| {
        let most = most?;
        Some(match figure {
            Some(figure) if figure.high <= most => Meets::Surely,
            Some(figure) if figure.mid <= most => Meets::Likely,
            _ => Meets::No,
        })
    });
    judged.max()
}

/// The better one first. Without a price a candidate comes after those with one, by its speed.
fn order(question: &Question<'_>, a: &Ranked, b: &Ranked) -> Ordering {
    let speed = |ranked: &Ranked| match question.load {
        Load::Streams(_) => ranked.prediction.tokens_per_second_per_user,
        Load::Saturated { .. } => Some(ranked.prediction.output_tokens_per_second.mid),
    };
    let by_speed = || speed(b).unwrap_or(0.0).total_cmp(&speed(a).unwrap_or(0.0));
    let price = |ranked: &Ranked| ranked.usd_per_million_output_tokens.map(|cost| cost.mid);
    let by_price = || match (price(a), price(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    let wanted = match question.goal {
        Goal::Cheapest => by_price().then_with(by_speed),
        Goal::Fastest => by_speed().then_with(by_price),
        Goal::Slo => a.meets.cmp(&b.meets).then_with(by_price).then_with(by_speed),
    };
    // Whatever is equal comes in the same order every time, fewer GPUs first.
    wanted.then_with(|| a.count.cmp(&b.count)).then_with(|| a.gpu.cmp(&b.gpu))
}
