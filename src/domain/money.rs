//! What is rented, what is left to pay with, what was billed, and the caps on spending. Pure: amounts come in, a
//! verdict comes out. Costs by phase are in `measure::ledger`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::failure::Failure;

/// Code of the failure that says that a cap on spending is reached.
pub const BUDGET_EXCEEDED: &str = "budget_exceeded";

/// Code of the failure that says that a run's pod has been there for longer than any may.
pub const POD_EXPIRED: &str = "pod_expired";

/// Nobody means to spend more, USD.
const HIGHEST_USD: u32 = 1_000_000;

/// Digits after the point that are kept.
const USD_DIGITS: u32 = 6;

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3_600, 0, 0, false, 0);
const MILLISECONDS_PER_HOUR: Decimal = Decimal::from_parts(3_600_000, 0, 0, false, 0);

/// An amount that somebody gave, if it can be kept as it is.
///
/// # Errors
/// What is wrong with it, in words that read on from its name.
pub fn amount(usd: Decimal) -> Result<Decimal, String> {
    if usd < Decimal::ZERO {
        return Err(format!("must not be negative, and is {usd}"));
    }
    if usd > Decimal::from(HIGHEST_USD) {
        return Err(format!("must be at most {HIGHEST_USD} USD, and is {usd}"));
    }
    if usd.normalize().scale() > USD_DIGITS {
        return Err(format!("must not be finer than a millionth of a dollar, and is {usd}"));
    }
    Ok(usd)
}

/// The same for a cap, which is more than 0.
///
/// # Errors
/// What is wrong with it.
pub fn cap(usd: Decimal) -> Result<Decimal, String> {
    if usd.is_zero() { Err("must be more than 0 USD".to_owned()) } else { amount(usd) }
}

/// A pod that is paid for, as its provider tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rented {
    /// The GPU's id.
    pub gpu_id: String,
    /// How many of them.
    pub gpu_count: u32,
    /// Where it is.
    pub data_center: Option<String>,
    /// Of all its GPUs together, USD an hour; 0 where none was told.
    pub price_usd_per_hour: Decimal,
    /// When it was made, by the provider's clock.
    pub created_at: Option<DateTime<Utc>>,
}

/// What an account has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// USD; negative: it owes.
    pub usd: Decimal,
    /// What all that runs on it costs now, USD an hour.
    pub spend_usd_per_hour: Option<Decimal>,
}

/// What a provider billed for one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// The provider's id of it.
    pub external_id: String,
    /// USD, all parts together.
    pub usd: Decimal,
}

/// What a cap is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CapOf {
    /// All that a run rents, over all its generations.
    Run,
    /// All that everybody rents in a day, from midnight UTC.
    Day,
    /// All that the runs of one matrix rent.
    Matrix,
    /// All that the runs of one schedule's matrices rent in a day, from midnight UTC.
    Schedule,
}

/// What was spent of something, and what more is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spending {
    /// Until now, USD.
    pub spent_usd: Decimal,
    /// What is rented at the moment, USD an hour.
    pub usd_per_hour: Decimal,
}

impl Spending {
    /// USD that will be spent in `ahead` from now.
    #[must_use]
    pub fn after(&self, ahead: Duration) -> Decimal {
        let ahead_ms = Decimal::from(u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX));
        let more = self.usd_per_hour.saturating_mul(ahead_ms) / MILLISECONDS_PER_HOUR;
        self.spent_usd.saturating_add(more)
    }
}

/// A cap, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// What it is on.
    pub of: CapOf,
    /// The cap, USD.
    pub limit_usd: Decimal,
    /// What was spent of it.
    pub spending: Spending,
    /// What is held back for pods that others have begun to rent, USD.
    pub reserved_usd: Decimal,
}

/// The failure of a run that must stop, since a cap is reached or would be within `ahead`; `None`: it may go on.
#[must_use]
pub fn reached(caps: &[Cap], ahead: Duration) -> Option<Failure> {
    caps.iter().find(|cap| cap.spending.after(ahead) >= cap.limit_usd).map(|cap| exceeded(cap, Decimal::ZERO))
}

/// The failure of a run that must not rent, since the `least_usd` that it would cost doesn't fit under a cap any more.
#[must_use]
pub fn too_little_left(caps: &[Cap], least_usd: Decimal) -> Option<Failure> {
    let committed = |cap: &Cap| cap.spending.spent_usd.saturating_add(cap.reserved_usd);
    caps.iter()
        .find(|cap| {
            committed(cap) >= cap.limit_usd || committed(cap).saturating_add(least_usd) > cap.limit_usd
        })
        .map(|cap| exceeded(cap, least_usd))
}

fn exceeded(cap: &Cap, least_usd: Decimal) -> Failure {
    let (limit, spent) = (cap.limit_usd.normalize(), cap.spending.spent_usd.round_dp(4).normalize());
    let what = match cap.of {
        CapOf::Run => "the run",
        CapOf::Day => "all runs today (UTC)",
        CapOf::Matrix => "all runs of its matrix",
        CapOf::Schedule => "all runs of its schedule today (UTC)",
    };
    let (next, then) = match cap.of {
        CapOf::Run => ("raise it with `dria-bench runs budget RUN USD`", "runs retry RUN"),
        CapOf::Day => {
            ("raise budget.day_usd (DRIA_BENCH_BUDGET_DAY_USD) or wait for tomorrow", "runs retry RUN")
        }
        CapOf::Matrix => ("wait for its end", "matrices resume MATRIX --budget USD"),
        CapOf::Schedule => (
            "raise budget_usd_per_day in its file (then `dria-bench schedules sync`) or wait for tomorrow",
            "matrices resume MATRIX",
        ),
    };
    let more = if least_usd > Decimal::ZERO {
        format!(", and this run would cost at least {} USD", least_usd.round_dp(4).normalize())
    } else {
        String::new()
    };
    let message = format!(
        "{what} may cost {limit} USD, and {spent} USD are spent{more}: {next}, then `dria-bench {then}`"
    );
    Failure::permanent(BUDGET_EXCEEDED, message).with_details(json!({
        "cap": cap.of, "limit_usd": cap.limit_usd, "spent_usd": cap.spending.spent_usd.round_dp(6),
        "reserved_usd": cap.reserved_usd.round_dp(6), "least_usd": least_usd.round_dp(6),
    }))
}

/// The least that renting costs, USD: the price for the seconds that are to be measured, and nothing for setting up.
#[must_use]
pub fn least_usd(price_usd_per_hour: Decimal, measured_s: f64) -> Decimal {
    let seconds = Decimal::from_f64_retain(measured_s).unwrap_or_default().max(Decimal::ZERO);
    (price_usd_per_hour.saturating_mul(seconds) / SECONDS_PER_HOUR).round_dp(6)
}

/// The failure of a run that must not rent, since the account can't pay for it; `None`: it can.
///
/// An hour of the price must be there, which is what providers ask for, and what the settings want to be left.
#[must_use]
pub fn cannot_pay(
    balance: Balance,
    price_usd_per_hour: Decimal,
    min_balance_usd: Decimal,
) -> Option<Failure> {
    let needed = price_usd_per_hour.max(min_balance_usd);
    (balance.usd < needed || balance.usd <= Decimal::ZERO).then(|| {
        let (has, needed) = (balance.usd.round_dp(2), needed.round_dp(2));
        Failure::permanent(
            "insufficient_balance",
            format!(
                "the provider's account has {has} USD, and {needed} are needed to rent this: add credit there \
                 (runpod.min_balance_usd says what must be left), then `dria-bench runs retry RUN`"
            ),
        )
        .with_details(json!({ "balance_usd": balance.usd, "needed_usd": needed }))
    })
}

/// Whether a bill differs from what we reckoned by more than 5 % and more than a cent.
#[must_use]
pub fn differs(reckoned_usd: Decimal, billed_usd: Decimal) -> bool {
    let off = (reckoned_usd - billed_usd).abs();
    off > Decimal::new(1, 2) && off > billed_usd.max(reckoned_usd) * Decimal::new(5, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn cap(limit: &str, spent: &str, per_hour: &str, reserved: &str) -> Cap {
        let spending = Spending { spent_usd: usd(spent), usd_per_hour: usd(per_hour) };
        Cap { of: CapOf::Day, limit_usd: usd(limit), spending, reserved_usd: usd(reserved) }
    }

    #[test]
    fn a_run_stops_before_a_cap_is_passed_and_says_which() {
        let ahead = Duration::from_secs(10);
        assert_eq!(reached(&[cap("1", "0.98", "3.6", "5")], ahead), None, "what is held back isn't spent");
        let failure = reached(&[cap("9", "0", "0", "0"), cap("1", "0.99", "3.6", "0")], ahead).unwrap();
        assert_eq!((failure.code.as_str(), failure.retryable), (BUDGET_EXCEEDED, false));
        assert_eq!((&failure.details["cap"], &failure.details["limit_usd"]), (&json!("day"), &json!("1")));
        assert!(reached(&[cap("1", "1", "0", "0")], Duration::ZERO).is_some());
        assert_eq!(reached(&[], ahead), None);
    }

    #[test]
    fn what_would_not_fit_is_not_rented() {
        assert_eq!(too_little_left(&[cap("1", "0.4", "0", "0.2")], usd("0.4")), None);
        assert!(too_little_left(&[cap("1", "0.4", "0", "0.2")], usd("0.41")).is_some());
        assert!(too_little_left(&[cap("1", "0.8", "0", "0.2")], Decimal::ZERO).is_some(), "nothing is left");
        assert_eq!(least_usd(usd("3.6"), 100.0), usd("0.1"));
        assert_eq!(least_usd(usd("3.6"), f64::NAN), Decimal::ZERO);
    }

    #[test]
    fn an_account_pays_for_an_hour_and_keeps_what_it_must() {
        let has = |text: &str| Balance { usd: usd(text), spend_usd_per_hour: None };
        assert_eq!(cannot_pay(has("3"), usd("2.69"), Decimal::ZERO), None);
        assert!(cannot_pay(has("2"), usd("2.69"), Decimal::ZERO).is_some());
        assert!(cannot_pay(has("9"), usd("2.69"), usd("10")).is_some());
        assert!(cannot_pay(has("-1"), Decimal::ZERO, Decimal::ZERO).is_some(), "its price may be unknown");
    }

    #[test]
    fn a_bill_differs_by_more_than_a_cent_and_a_twentieth() {
        assert!(!differs(usd("1.00"), usd("1.04")));
        assert!(differs(usd("1.00"), usd("1.10")) && differs(usd("1"), Decimal::ZERO));
        assert!(!differs(usd("0.001"), usd("0.009")));
    }
}
