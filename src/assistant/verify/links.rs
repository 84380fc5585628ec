//! Links in an answer: those that lead to our own pages are kept, of all others their words.

use std::ops::Range;

use super::evidence::Evidence;

/// What is put in the place of an address.
const REMOVED: &str = "[link removed]";
/// How addresses begin that readers' programs make links of by themselves.
const ADDRESSES: &[&str] = &["http://", "https://", "www.", "ftp://", "mailto:", "javascript:", "data:"];

/// A text whose links all lead to evidence.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// The text.
    pub(super) text: String,
    /// Where the targets of its links stand: what is in there is no statement.
    pub(super) targets: Vec<Range<usize>>,
    /// The sources that it links to.
    pub(super) cited: Vec<usize>,
}

/// Keeps links to the evidence. Pictures, other links and bare addresses lose their target, and markup its `<`.
pub(super) fn keep_ours(text: &str, evidence: &Evidence) -> Linked {
    let mut kept = Linked::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let picture = rest.strip_prefix('!').filter(|rest| rest.starts_with('['));
        if let Some((words, target, after)) = link(picture.unwrap_or(rest)) {
            let source = if picture.is_some() { None } else { evidence.source_of(target) };
            let words = without_addresses(words);
            if let Some(source) = source {
                kept.text.push('[');
                kept.text.push_str(&words);
                kept.text.push_str("](");
                let begin = kept.text.len();
                kept.text.push_str(target);
                kept.targets.push(begin..kept.text.len());
                kept.text.push(')');
                kept.cited.push(source);
            } else {
                kept.text.push_str(&words);
            }
            rest = after;
        } else if let Some(length) = address(rest) {
            kept.text.push_str(REMOVED);
            rest = &rest[length..];
        } else {
            push_plain(&mut kept.text, c, rest);
            rest = &rest[c.len_utf8()..];
        }
    }
    kept
}

/// `[words](target)` at the beginning of a text: its parts, and what comes after it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let inner = text.strip_prefix('[')?;
    let close = inner.find(['[', ']', '\n']).filter(|at| inner.as_bytes()[*at] == b']')?;
    let behind = inner[close + 1..].strip_prefix('(')?;
    let end = behind.find([')', '(', '\n'])?;
    // With parentheses of its own, or cut off, it is none of ours: its words alone are kept.
    let target = if behind.as_bytes()[end] == b')' { behind[..end].trim() } else { "" };
    let after = if behind.as_bytes()[end] == b'\n' { &behind[end..] } else { &behind[end + 1..] };
    Some((&inner[..close], target, after))
}

/// How long the address is that a text begins with.
fn address(text: &str) -> Option<usize> {
    let begins =
        |address: &&str| text.get(..address.len()).is_some_and(|start| start.eq_ignore_ascii_case(address));
    ADDRESSES.iter().find(|address| begins(address))?;
    Some(
        text.find(|c: char| c.is_whitespace() || matches!(c, ')' | ']' | '>' | '"' | '|'))
            .unwrap_or(text.len()),
    )
}

fn without_addresses(words: &str) -> String {
    let mut kept = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = address(rest) {
            kept.push_str(REMOVED);
            rest = &rest[length..];
        } else {
            push_plain(&mut kept, c, rest);
            rest = &rest[c.len_utf8()..];
        }
    }
    kept
}

/// `< 5 ms` is kept as it is, and `<img …>` made plain text.
fn push_plain(kept: &mut String, c: char, rest: &str) {
    let opens = c == '<'
        && rest[1..].starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'));
    if opens {
        kept.push_str("&lt;");
    } else {
        kept.push(c);
    }
}
