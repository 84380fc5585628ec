//! Identifiers. A run's id, like a matrix's, is a `UUIDv7`, so ids sort by creation.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts after every id made for an earlier `at`.
            #[must_use]
            pub fn generate(at: DateTime<Utc>) -> Self {
                let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
                Self(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos())))
            }

            /// Wraps an id read from the store.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as the store keeps it.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

id!(
    /// The identifier of a run.
    RunId
);

id!(
    /// The identifier of a matrix.
    MatrixId
);

/// The name a pod (or local engine) carries at its provider: `dria-<deployment>-<run>-g<generation>`.
///
/// It is unique and known before the machine exists, so a create whose reply was lost is found again by name.
#[must_use]
pub fn pod_name(deployment: &str, run: RunId, generation: i32) -> String {
    format!("{}{}-g{generation}", pod_prefix(deployment), run.0.simple())
}

/// What the names of all pods of a deployment begin with.
#[must_use]
pub fn pod_prefix(deployment: &str) -> String {
    format!("dria-{deployment}-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation() {
        let earlier = RunId::generate(DateTime::from_timestamp(1_795_500_000, 0).unwrap());
        let later = RunId::generate(DateTime::from_timestamp(1_795_500_001, 0).unwrap());
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse::<RunId>().unwrap(), earlier);
    }

    #[test]
    fn a_pod_name_holds_deployment_run_and_generation() {
        let run: RunId = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(pod_name("ab12", run, 2), "dria-ab12-018f0000000070008000000000000001-g2");
    }
}
