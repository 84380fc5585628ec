//! The key that tokens are signed with, and the file it is kept in where nobody set one.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Error;
use crate::config::Secret;

/// The file of the data folder that a generated key is kept in.
const FILE: &str = "secret_key";

/// Signs, for one purpose at a time: what is signed for one is no good for another.
pub struct Key(Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    /// The key made of a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(secret.to_owned())
    }

    /// A key that nobody else has.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random::<[u8; 32]>().to_vec())
    }

    /// The signature of a message.
    pub(super) fn sign(&self, purpose: &str, message: &[u8]) -> Vec<u8> {
        self.mac(purpose).chain_update(message).finalize().into_bytes().to_vec()
    }

    /// Whether this is the signature of a message. It takes as long for a wrong one as for the right one.
    pub(super) fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        self.mac(purpose).chain_update(message).verify_slice(signature).is_ok()
    }

    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        let own = hmac(&self.0).chain_update(purpose).finalize().into_bytes();
        hmac(&own)
    }
}

/// HMAC takes a key of any length: this can't fail, and would be a message that nobody signed if it did.
fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

/// The key of the data folder: read, or generated there, readable by its owner alone. Two processes that start at once have
/// the same one.
///
/// # Errors
/// When it can't be written or read, or what is there is no key.
pub fn kept_key(data_dir: &Path) -> Result<Secret, Error> {
    let path = data_dir.join(FILE);
    let failed = |source| Error::Key { path: path.clone(), source };
    fs::create_dir_all(data_dir).map_err(failed)?;
    // Whole before it has its name, so that nobody reads half a key.
    let draft = data_dir.join(format!("{FILE}.{}", ulid::Ulid::generate()));
    let key = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    if !path.exists() {
        let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let written =
            written.and_then(|mut file| file.write_all(key.as_bytes()).and_then(|()| file.sync_all()));
        let linked = written.and_then(|()| fs::hard_link(&draft, &path));
        let _ = fs::remove_file(&draft);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
    }
    let kept = fs::read_to_string(&path).map_err(failed)?;
    let kept = kept.trim();
    if kept.len() < 32 { Err(Error::BadKey(path)) } else { Ok(Secret::new(kept)) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_signature_is_good_for_its_key_its_purpose_and_its_message_alone() {
        let key = Key::new(b"0123456789abcdef");
        let signature = key.sign("a", b"message");
        assert!(key.verify("a", b"message", &signature));
        assert!(!key.verify("b", b"message", &signature));
        assert!(!key.verify("a", b"massage", &signature));
        assert!(!key.verify("a", b"message", &signature[..31]));
        assert!(!Key::random().verify("a", b"message", &signature));
        assert_eq!(format!("{key:?}"), "Key(***)");
    }

    #[test]
    fn a_generated_key_is_kept_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept_key(folder.path()).unwrap();
        assert_eq!(kept_key(folder.path()).unwrap(), first);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(matches!(kept_key(folder.path()), Err(Error::BadKey(_))));
    }
}
