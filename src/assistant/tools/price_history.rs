//! `price_history`: how the price of a GPU went, by platform.

use async_trait::async_trait;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{data, figure, gpus, kind, name, object, one_of, path, read, text, usd, whole, within},
};
use crate::store::price_reads::{self, Span};

/// Lines that are put out.
const LINES: usize = 10;
/// Points of a line.
const POINTS: i64 = 8;

/// Looks at what prices were.
pub(super) struct PriceHistory;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    gpu: String,
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    days: Option<i64>,
}

#[async_trait]
impl Tool for PriceHistory {
    fn name(&self) -> &'static str {
        "price_history"
    }

    fn description(&self) -> &'static str {
        "How the price of a GPU went over time on each platform, in USD per GPU-hour, and by how much it changed."
    }

    fn parameters(&self) -> Value {
        object(&[
            ("gpu", json!({ "type": "string", "description": "name of the GPU or its family" })),
            ("platform", text("`runpod`, `vast.ai`, …; null: all")),
            ("kind", one_of(&["on_demand", "spot"], "null: on_demand")),
            ("days", whole("how many days back, 1 to 3650; null: 30")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let gpu = name(Some(asked.gpu))?.ok_or_else(|| ToolError::Arguments("which gpu?".to_owned()))?;
        let (platform, kind) = (name(asked.platform)?, kind(asked.kind.as_deref())?);
        let days = within("days", asked.days, 1..=3650, 30)?;
        let span_s = u32::try_from((days * 86_400 / POINTS).max(3600)).unwrap_or(86_400);
        let mut found = Vec::new();
        let mut conn = places.pool.acquire().await?;
        for key in gpus(places.catalog, &gpu)? {
            let display =
                places.catalog.gpu(&key).map_or_else(|_| key.clone(), |gpu| gpu.display_name.clone());
            let history = price_reads::history(
                &mut conn,
                &key,
                platform.as_deref(),
                Some(kind),
                u32::try_from(days).unwrap_or(30),
                span_s,
            )
            .await?;
            let same = |a: &Span, b: &Span| (&a.platform, &a.tier) == (&b.platform, &b.tier);
            found.extend(history.chunk_by(same).map(|spans| line(&display, spans)));
        }
        let days_text = days.to_string();
        let mut out = json!({
            "link": path("/prices", &[("gpu", &gpu), ("kind", kind.as_str()), ("days", &days_text)]),
            "title": format!("prices of {} over {days} days", data(&gpu)),
            "kind": kind.as_str(),
            "unit": "USD per GPU-hour",
            "days": days,
            "lines": found.iter().take(LINES).cloned().collect::<Value>(),
            "lines_left_out": found.len().saturating_sub(LINES),
        });
        if found.is_empty() {
            out["missing"] = json!("no price of these days is known; say so");
        }
        Ok(out)
    }
}

fn line(gpu: &str, spans: &[Span]) -> Value {
    let (first, last) = (spans.first().map(|span| span.median_usd), spans.last().map(|span| span.median_usd));
    let change = first.zip(last).and_then(|(first, last)| {
        let ratio = last.checked_div(first)?.to_f64()?;
        Some((ratio - 1.0) * 100.0)
    });
    let lowest: Option<Decimal> = spans.iter().map(|span| span.min_usd).min();
    let highest: Option<Decimal> = spans.iter().map(|span| span.max_usd).max();
    json!({
        "gpu": gpu,
        "platform": spans.first().map(|span| data(&span.platform)),
        "tier": spans.first().map(|span| data(&span.tier)),
        "first_usd": first.map(usd),
        "last_usd": last.map(usd),
        "change_percent": change.map(figure),
        "lowest_usd": lowest.map(usd),
        "highest_usd": highest.map(usd),
        "points": spans.iter().map(|span| json!({
            "from": span.from.format("%Y-%m-%d").to_string(), "median_usd": usd(span.median_usd),
        })).collect::<Value>(),
    })
}
