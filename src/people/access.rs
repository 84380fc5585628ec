//! Access tokens: a JSON Web Token of one kind (HS256) and no other, so that no part of a token says how it is to be read.
//!
//! A good signature says that we made it. Whether its time is over, or its session, is for the database to say.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Key;

/// `{"alg":"HS256","typ":"JWT"}`: what every token of ours begins with.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The longest text that is read as a token, bytes.
const LONGEST: usize = 1024;

/// What the key signs tokens for.
const PURPOSE: &str = "access token";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose it is: GitHub's number of the account, as text.
    pub sub: String,
    /// The session it belongs to.
    pub sid: Uuid,
    /// When it was made, seconds since 1970.
    pub iat: i64,
    /// Until when it is good, seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// The token that says this.
    #[must_use]
    pub fn sign(&self, key: &Key) -> String {
        let claims = serde_json::json!(self).to_string();
        let mut token = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let signature = key.sign(PURPOSE, token.as_bytes());
        token.push('.');
        token.push_str(&BASE64_URL_SAFE_NO_PAD.encode(signature));
        token
    }

    /// What a token says; `None`: it isn't one that this key signed.
    #[must_use]
    pub fn read(token: &str, key: &Key) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let claims = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        if !key.verify(PURPOSE, signed.as_bytes(), &signature) {
            return None;
        }
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims() -> Claims {
        Claims { sub: "583231".to_owned(), sid: Uuid::from_u128(7), iat: 1_795_500_000, exp: 1_795_500_900 }
    }

    #[test]
    fn a_token_is_read_by_its_key_alone() {
        let key = Key::new(b"0123456789abcdef");
        let token = claims().sign(&key);
        assert_eq!(Claims::read(&token, &key), Some(claims()));
        assert_eq!(Claims::read(&token, &Key::random()), None);
    }

    #[test]
    fn no_header_of_somebody_elses_is_taken() {
        let key = Key::new(b"0123456789abcdef");
        let token = claims().sign(&key);
        let body = token.split('.').nth(1).unwrap();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256"}"#] {
            let signed = format!("{}.{body}", BASE64_URL_SAFE_NO_PAD.encode(header));
            let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(PURPOSE, signed.as_bytes()));
            assert_eq!(Claims::read(&format!("{signed}.{signature}"), &key), None, "{header}");
            assert_eq!(Claims::read(&format!("{signed}."), &key), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_token_with_any_byte_changed_is_nobodys(at in 0_usize..200, to in any::<char>()) {
            let key = Key::new(b"0123456789abcdef");
            let token = claims().sign(&key);
            let mut letters: Vec<char> = token.chars().collect();
            let at = at % letters.len();
            prop_assume!(letters[at] != to);
            letters[at] = to;
            let changed: String = letters.into_iter().collect();
            prop_assert_eq!(Claims::read(&changed, &key), None);
        }
    }
}
