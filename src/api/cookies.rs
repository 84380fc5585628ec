//! The two cookies that this server sets: where somebody is signed in at the site, and which browser began a sign-in.
//!
//! Scripts can't read them, and other sites' requests don't carry them, but for a person who follows a link. With TLS they have
//! the prefix `__Host-`: no other host, and nobody on the wire, can set one.

use axum::http::{HeaderMap, HeaderValue, header};

/// Where somebody is signed in.
const SESSION: &str = "dria_session";

/// Which browser began a sign-in.
const BROWSER: &str = "dria_sign_in";

/// The longest value that is read, bytes.
const LONGEST: usize = 128;

/// The cookie of a session.
pub(super) fn session(headers: &HeaderMap, secure: bool) -> Option<&str> {
    read(headers, SESSION, secure)
}

/// The cookie of a browser that began a sign-in.
pub(super) fn browser(headers: &HeaderMap, secure: bool) -> Option<&str> {
    read(headers, BROWSER, secure)
}

/// Sets the cookie of a session, for so many seconds; 0 takes it away.
pub(super) fn set_session(value: &str, seconds: i32, secure: bool) -> Option<HeaderValue> {
    written(SESSION, value, seconds, secure)
}

/// Sets the cookie of a browser that begins a sign-in, for so many seconds; 0 takes it away.
pub(super) fn set_browser(value: &str, seconds: i32, secure: bool) -> Option<HeaderValue> {
    written(BROWSER, value, seconds, secure)
}

fn prefix(secure: bool) -> &'static str {
    if secure { "__Host-" } else { "" }
}

fn read<'h>(headers: &'h HeaderMap, name: &str, secure: bool) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut mine = values.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (given, value) = pair.trim().split_once('=')?;
        (given.strip_prefix(prefix(secure)) == Some(name)).then_some(value)
    });
    // Two of one name: one of them was set by somebody else.
    match (mine.next(), mine.next()) {
        (Some(value), None) if (1..=LONGEST).contains(&value.len()) => Some(value),
        _ => None,
    }
}

fn written(name: &str, value: &str, seconds: i32, secure: bool) -> Option<HeaderValue> {
    let secure_flag = if secure { "; Secure" } else { "" };
    let prefix = prefix(secure);
    let text =
        format!("{prefix}{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure_flag}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_cookie_is_read_once_and_by_its_whole_name() {
        assert_eq!(session(&sent("a=b; dria_session=xyz"), false), Some("xyz"));
        assert_eq!(session(&sent("__Host-dria_session=xyz; dria_session=evil"), true), Some("xyz"));
        for odd in [
            "dria_session=",
            "xdria_session=a",
            "dria_session=a; dria_session=b",
            "__Host-dria_session=a",
            "",
        ] {
            assert_eq!(session(&sent(odd), false), None, "{odd}");
        }
    }

    #[test]
    fn with_tls_a_cookie_is_this_hosts_alone() {
        let set = set_session("xyz", 60, true).unwrap();
        assert_eq!(set, "__Host-dria_session=xyz; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(
            set_browser("", 0, false).unwrap(),
            "dria_sign_in=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }
}
