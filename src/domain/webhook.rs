//! What webhooks tell of, and how a message is signed (Standard Webhooks). Pure.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

/// What a secret starts with.
const SECRET_START: &str = "whsec_";

/// Something that webhooks tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
pub enum EventKind {
    /// A run ended as failed.
    #[serde(rename = "run.failed")]
    RunFailed,
    /// The last cell of a matrix is over.
    #[serde(rename = "matrix.done")]
    MatrixDone,
    /// A GPU's cheapest on-demand price fell.
    #[serde(rename = "price.drop")]
    PriceDrop,
    /// A cap on spending stopped something.
    #[serde(rename = "budget.hit")]
    BudgetHit,
    /// Somebody asked for a message, to see whether it arrives.
    #[serde(rename = "test")]
    Test,
}

impl EventKind {
    /// What a webhook may be told of; a test comes when it is asked for.
    pub const ALL: &[Self] = &[Self::RunFailed, Self::MatrixDone, Self::PriceDrop, Self::BudgetHit];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunFailed => "run.failed",
            Self::MatrixDone => "matrix.done",
            Self::PriceDrop => "price.drop",
            Self::BudgetHit => "budget.hit",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == s).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("unknown event `{s}`: known are {}", known.join(", "))
        })
    }
}

/// A new secret, from 32 random bytes.
#[must_use]
pub fn secret(random: [u8; 32]) -> String {
    format!("{SECRET_START}{}", BASE64_STANDARD.encode(random))
}

/// The signature of a message, as `webhook-signature` holds it: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in
/// base64. `None`: the secret isn't one of ours.
#[must_use]
pub fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix(SECRET_START)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_standard() {
        // The vector of the Standard Webhooks libraries.
        let (secret, id) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek");
        let signed = signature(secret, id, 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_ne!(signature(secret, id, 1_614_265_331, r#"{"test": 2432232314}"#), signed);
        assert_eq!(signature("MfKQ", id, 1, ""), None);
        assert!(signature(&super::secret([7; 32]), id, 1, "").is_some());
    }

    #[test]
    fn events_are_known_by_their_names_and_a_test_is_none_to_wait_for() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!("test".parse::<EventKind>().is_err());
    }
}
