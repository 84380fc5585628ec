//! How much a price's age is worth: bands, each with what it means.

use std::time::Duration;

use serde::Serialize;

/// Younger than this is fresh.
pub const FRESH: Duration = Duration::from_hours(2);
/// Up to this it counts in medians.
pub const STALE: Duration = Duration::from_hours(12);
/// Older than this it isn't shown.
pub const SHOWN: Duration = Duration::from_hours(24);

/// A band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Seen less than two hours ago.
    Fresh,
    /// Seen at most twelve hours ago.
    Stale,
    /// Shown, and left out of medians.
    Old,
    /// Older than a day: not shown unless asked for.
    Hidden,
}

impl Freshness {
    /// The band of a price that was seen so long ago. One that its source lists no longer is old at once.
    #[must_use]
    pub fn of(age: Duration, withdrawn: bool) -> Self {
        match age {
            age if age > SHOWN => Self::Hidden,
            age if age > STALE || withdrawn => Self::Old,
            age if age >= FRESH => Self::Stale,
            _ => Self::Fresh,
        }
    }

    /// Whether it counts in medians and rankings.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Old => "old",
            Self::Hidden => "hidden",
        }
    }

    /// The band's reason, for people.
    #[must_use]
    pub fn reason(self, age: Duration, withdrawn: bool) -> String {
        let seen = format!("last seen {} ago", short(age));
        match self {
            Self::Fresh => seen,
            Self::Stale => format!("{seen}, more than {} h", FRESH.as_secs() / 3600),
            Self::Old if withdrawn => format!("its source lists it no longer, {seen}: not in medians"),
            Self::Old => format!("{seen}, more than {} h: not in medians", STALE.as_secs() / 3600),
            Self::Hidden => format!("{seen}, more than {} h: hidden", SHOWN.as_secs() / 3600),
        }
    }
}

/// A duration in its largest unit: `40 min`, `3 h`, `2 d`.
#[must_use]
pub fn short(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}
