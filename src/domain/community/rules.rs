//! What rules make of a comment, where no model is asked or beside one: slurs and heaps of links are refused, what looks
//! like spam is left to a moderator. They err on the side of letting pass: a moderator sees what people report.

/// Slurs as whole words, one a line, written in ROT13 so that nobody reads them by accident. Kept small on purpose: a long
/// list refuses more innocent words than it stops insults. `tr a-z n-za-m < slurs.txt` shows them.
const SLURS: &str = include_str!("slurs.txt");

/// Links from which on a comment is refused.
const MOST_LINKS: usize = 6;

/// Links from which on a moderator looks.
const MANY_LINKS: usize = 3;

/// Comments of one author in ten minutes from which on a moderator looks.
const MANY_COMMENTS: usize = 10;

/// What becomes of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is posted.
    Fine,
    /// It is posted, and a moderator looks at it: why.
    Doubtful(String),
    /// It is not posted: why, for its author to read.
    Refused(String),
}

/// What an author wrote before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Comments of the last day, the newest first.
    pub texts: Vec<String>,
    /// How many of the last ten minutes.
    pub lately: usize,
}

/// Judges a cleaned comment.
#[must_use]
pub fn judge(text: &str, earlier: &Earlier) -> Verdict {
    let links = links(text);
    let said_before = earlier.texts.iter().any(|before| same(before, text));
    if has_slur(text) {
        return Verdict::Refused("it insults people: say it without that word".to_owned());
    }
    if links >= MOST_LINKS {
        return Verdict::Refused(format!("it has {links} links: {} are the most", MOST_LINKS - 1));
    }
    if links > 0 && said_before {
        return Verdict::Refused("it repeats a comment of yours that has a link".to_owned());
    }
    let doubt = if said_before {
        "repeats what its author wrote within a day"
    } else if links >= MANY_LINKS {
        "has many links"
    } else if earlier.lately >= MANY_COMMENTS {
        "its author writes very often"
    } else if repeats_a_sign(text) {
        "repeats one character many times"
    } else if shouts(text) {
        "is written in capitals"
    } else {
        return Verdict::Fine;
    };
    Verdict::Doubtful(doubt.to_owned())
}

fn links(text: &str) -> usize {
    let text = text.to_ascii_lowercase();
    let schemes = text.matches("http://").count() + text.matches("https://").count();
    let bare = text.matches("www.").count();
    let both = text.matches("://www.").count();
    schemes + bare - both
}

/// The same words, whatever the case, spaces and signs between them.
fn same(one: &str, other: &str) -> bool {
    let words =
        |text: &str| text.to_lowercase().chars().filter(|sign| sign.is_alphanumeric()).collect::<String>();
    let (one, other) = (words(one), words(other));
    !one.is_empty() && one == other
}

fn has_slur(text: &str) -> bool {
    let slurs: Vec<String> = SLURS.lines().map(|slur| squeezed(&rot13(slur))).collect();
    let text = text.to_lowercase();
    text.split(|sign: char| !sign.is_alphanumeric() && !matches!(sign, '@' | '$' | '!')).any(|word| {
        let word = squeezed(&word.chars().map(plain).collect::<String>());
        let singular = word.strip_suffix('s').unwrap_or(&word);
        slurs.iter().any(|slur| *slur == word || *slur == singular)
    })
}

/// The letter that a digit or sign stands for.
const fn plain(sign: char) -> char {
    match sign {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// A letter that stands three times in a row or more, once or twice: drawn out words are the words. Doubled letters stay.
fn squeezed(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for sign in word.chars() {
        let mut last = out.chars().rev();
        if last.next() != Some(sign) || last.next() != Some(sign) {
            out.push(sign);
        }
    }
    out
}

fn rot13(word: &str) -> String {
    let turned = |sign: char, first: u8| char::from((sign as u8 - first + 13) % 26 + first);
    word.chars().map(|sign| if sign.is_ascii_lowercase() { turned(sign, b'a') } else { sign }).collect()
}

fn repeats_a_sign(text: &str) -> bool {
    let (mut last, mut run) = (None, 0);
    text.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, '!' | '?')).any(|sign| {
        run = if last == Some(sign) { run + 1 } else { 1 };
        last = Some(sign);
        run >= 10
    })
}

fn shouts(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|sign| sign.is_alphabetic()).collect();
    let capitals = letters.iter().filter(|letter| letter.is_uppercase()).count();
    letters.len() >= 30 && capitals * 5 > letters.len() * 4
}

/// One of the words, for tests that must not spell it.
#[cfg(test)]
pub(super) fn a_slur() -> String {
    rot13("snttbg")
}
