//! What a run cost, in one line by what it did meanwhile.

use rust_decimal::Decimal;

use crate::report::CostReport;

/// The line; `None` where nothing is recorded as rented.
#[must_use]
pub fn cost(cost: &CostReport, budget_usd: Option<Decimal>) -> Option<String> {
    let parts = cost.parts.as_ref()?;
    let usd = |amount: Decimal| format!("{:.4}", amount.round_dp(4));
    let of = budget_usd.map(|budget| format!(" of {}", budget.normalize())).unwrap_or_default();
    Some(format!(
        "cost: {}{of} USD at {} an hour: set-up {}, measuring {}, teardown {}, idle {}",
        usd(parts.total_usd),
        cost.usd_per_hour.normalize(),
        usd(parts.set_up_usd),
        usd(parts.measuring_usd),
        usd(parts.teardown_usd),
        usd(parts.idle_usd),
    ))
}
