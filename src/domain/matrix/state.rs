//! Where a matrix and its cells are in their lives, by the names in the database and in JSON.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! state {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$vdoc:meta])* $variant:ident => $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|state| state.as_str() == s).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
                    format!("unknown state of a {} `{s}`: known are {}", $what, known.join(", "))
                })
            }
        }
    };
}

state!(
    /// Where a matrix is.
    MatrixState, "matrix", {
        /// Recorded; no cell was started.
        Planned => "planned",
        /// Its cells are being worked.
        Running => "running",
        /// Every cell is over.
        Done => "done",
        /// Somebody cancelled it, and every cell is over.
        Cancelled => "cancelled",
    }
);

state!(
    /// Where a cell is.
    CellState, "cell", {
        /// Waits for its turn.
        Planned => "planned",
        /// Its run is worked.
        Running => "running",
        /// Its run succeeded.
        Done => "done",
        /// Its run failed.
        Failed => "failed",
        /// It was never started, or not again: the budget was spent.
        Skipped => "skipped",
        /// It, or its run, was cancelled.
        Cancelled => "cancelled",
    }
);

impl MatrixState {
    /// Whether nothing will happen to it unless somebody resumes it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}
