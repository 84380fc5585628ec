//! The numbers in a text, with what each says of its size and unit. What is no statement of a quantity is passed over:
//! names (H100, 7B, p95), the ordinals of a list, years, dates as such.

use std::ops::Range;

/// Longest word that may hang on to a number.
const LONGEST_SUFFIX: usize = 12;

/// Words that make a quantity of a four-digit number that could be a year.
const UNITS: &[&str] = &[
    "token", "tok", "ms", "s", "sec", "min", "h", "hour", "gb", "gib", "mb", "tb", "w", "usd", "dollar",
    "request", "req", "run", "gpu", "x", "times", "result", "user", "stream", "percent", "cent", "euro",
    "eur",
];

/// A number as a text states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    /// Where it stands, with what hangs on to it.
    pub(crate) span: Range<usize>,
    /// Its size, without its sign.
    pub(crate) value: f64,
    /// The step of its last digit: what it was rounded to.
    pub(crate) step: f64,
    /// What it is a number of, as far as that changes its size.
    pub(crate) unit: Unit,
}

/// Units that the same quantity may be stated in otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Any that doesn't matter.
    Plain,
    /// Hundredths.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Hundredths of a dollar.
    Cents,
}

/// Every number of a text that states a quantity, and every date (`2026-11-24`), in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scanned {
    /// Quantities.
    pub(crate) numbers: Vec<Number>,
    /// Dates, by where they stand.
    pub(crate) dates: Vec<Range<usize>>,
}

/// Scans a text. `at_line_start`: it begins where a line does, so its first number may be an ordinal.
pub(crate) fn scan(text: &str, at_line_start: bool) -> Scanned {
    let bytes = text.as_bytes();
    let mut found = Scanned::default();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        if let Some(end) = date_end(bytes, at) {
            found.dates.push(at..end);
            at = end;
            continue;
        }
        let (end, digits) = number_end(bytes, at);
        if is_ordinal(text, at, end, at_line_start) || is_part_of_name(text, at) {
            at = word_end(text, end);
            continue;
        }
        let (number, end) = read(text, at..end, &digits);
        found.numbers.extend(number);
        at = end.max(at + 1);
    }
    found
}

/// The end of a date that begins here.
fn date_end(bytes: &[u8], at: usize) -> Option<usize> {
    let shape = bytes.get(at..at + 10)?;
    let digits = |range: Range<usize>| shape[range].iter().all(u8::is_ascii_digit);
    let dated = digits(0..4) && shape[4] == b'-' && digits(5..7) && shape[7] == b'-' && digits(8..10);
    let follows_digit = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
    if !dated || follows_digit || bytes.get(at + 10).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    // With its time: 2026-11-24T16:00:00Z
    let rest = &bytes[at + 10..];
    let time =
        rest.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b':' | b'.' | b'Z'));
    let length = if rest.first() == Some(&b'T') { time.count() } else { 0 };
    // What ends the sentence isn't part of it.
    let length =
        rest[..length].iter().rposition(|byte| !matches!(byte, b':' | b'.')).map_or(0, |last| last + 1);
    Some(at + 10 + length)
}

/// The end of the digits that begin at `at`, and they without separators: `12,345.6` → `12345.6`.
fn number_end(bytes: &[u8], at: usize) -> (usize, String) {
    let run = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = at + run(at);
    let mut digits = String::from_utf8_lossy(&bytes[at..end]).into_owned();
    // Groups of three, as in 12,345: only after one to three digits.
    while end - at <= 3 + 4 * (digits.len() / 3)
        && (digits.len() <= 3 || bytes[at..end].contains(&b','))
        && bytes.get(end) == Some(&b',')
        && run(end + 1) == 3
    {
        digits.push_str(&String::from_utf8_lossy(&bytes[end + 1..end + 4]));
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && run(end + 1) > 0 {
        let fraction = run(end + 1);
        digits.push('.');
        digits.push_str(&String::from_utf8_lossy(&bytes[end + 1..=end + fraction]));
        end += 1 + fraction;
    }
    (end, digits)
}

/// Whether `12.` or `12)` begins a line, as in a list.
fn is_ordinal(text: &str, at: usize, end: usize, at_line_start: bool) -> bool {
    let before = &text[..at];
    let line = before.rsplit('\n').next().unwrap_or_default();
    let begins = line.chars().all(|c| c.is_whitespace() || matches!(c, '>' | '#' | '*' | '_' | '-' | '('));
    let is_first_line = !before.contains('\n');
    let mut after = text[end..].chars();
    begins
        && (at_line_start || !is_first_line)
        && end - at <= 2
        && matches!(after.next(), Some('.' | ')'))
        && after.next().is_none_or(|c| c.is_whitespace() || c == '*')
}

/// Whether letters stand before the digits without a gap (H100, p95, bf16), or a word and a joint (A100-80GB, gpt-4).
fn is_part_of_name(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let mut back = before.chars().rev();
    match back.next() {
        Some(c) if c.is_alphabetic() || c == '_' => {
            let word = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            !matches!(word.to_ascii_lowercase().as_str(), "usd" | "eur" | "us" | "x")
        }
        Some('-' | '.' | '/') => {
            let word: String = back.take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // `10-20` is a range, and `tokens/s-` no name; `Llama-3`, `A100-80GB` and `v0.6` are.
            word.chars().any(char::is_alphabetic) && !word.chars().all(|c| matches!(c, 's' | 'x'))
        }
        _ => false,
    }
}

/// The end of the word that a name goes on to: `3.1-8B` of `Llama-3.1-8B`.
fn word_end(text: &str, from: usize) -> usize {
    let mut end = from;
    for c in text[from..].chars() {
        let joins = matches!(c, '-' | '.' | '_' | '/')
            && text[end + c.len_utf8()..].starts_with(|next: char| next.is_alphanumeric());
        if !(c.is_alphanumeric() || joins) {
            break;
        }
        end += c.len_utf8();
    }
    end
}

/// The number with these digits, and where to go on. `None`: it is a name (7B, 4-bit) or a year.
fn read(text: &str, digits_at: Range<usize>, digits: &str) -> (Option<Number>, usize) {
    let after = &text[digits_at.end..];
    let suffix: &str = {
        let end = after
            .find(|c: char| !(c.is_alphabetic() || c == '%' || c == '×' || c == '¢'))
            .unwrap_or(after.len());
        &after[..end]
    };
    let end = digits_at.end + suffix.len();
    let go_on = |end: usize| end;
    let Ok(plain) = digits.parse::<f64>() else { return (None, go_on(end)) };
    let before = text[..digits_at.start].trim_end_matches(['~', '≈', '<', '>', '≤', '≥', '±', ' ', '-', '−']);
    let is_money =
        before.ends_with('$') || before.ends_with('€') || before.to_ascii_lowercase().ends_with("usd");
    let next_word = text[end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let follows_at_once = next_word.len() == text[end..].len();
    let unit_word: String = if suffix.is_empty() && (!follows_at_once || next_word.starts_with('-')) {
        next_word.trim_start_matches('-').chars().take_while(|c| c.is_alphabetic() || *c == '%').collect()
    } else {
        suffix.to_owned()
    }
    .to_lowercase();

    // 7B, 70b, 4bit, 4-bit: names of sizes and formats, not quantities; 1st, 2nd, 3rd, 4th: places.
    let is_name = (matches!(suffix, "B" | "b") && !is_money)
        || matches!(unit_word.as_str(), "bit" | "bits")
        || matches!(suffix.to_ascii_lowercase().as_str(), "st" | "nd" | "rd" | "th")
        || suffix.len() > LONGEST_SUFFIX;
    if is_name {
        return (None, go_on(word_end(text, end)));
    }
    let is_unit = UNITS.iter().any(|unit| unit_word == *unit || unit_word.strip_suffix('s') == Some(unit));
    if suffix.is_empty() && !is_money && digits.len() == 4 && (2000.0..2050.0).contains(&plain) && !is_unit {
        return (None, go_on(end));
    }
    let times = match (suffix, is_money) {
        ("k" | "K", _) => 1e3,
        ("M", _) | ("m", true) => 1e6,
        ("B" | "b", true) => 1e9,
        _ => 1.0,
    };
    let unit = match unit_word.as_str() {
        "%" | "percent" => Unit::Percent,
        "ms" | "millisecond" | "milliseconds" => Unit::Milliseconds,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
        "min" | "mins" | "minute" | "minutes" => Unit::Minutes,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hours,
        "¢" | "cent" | "cents" => Unit::Cents,
        _ => Unit::Plain,
    };
    let number =
        Number { span: digits_at.start..end, value: plain * times, step: step(digits) * times, unit };
    (Some(number), go_on(end))
}

/// The step of the last digit that counts. Noughts at the end of a whole number may be rounding, but for its first two
/// digits.
fn step(digits: &str) -> f64 {
    if let Some((_, fraction)) = digits.split_once('.') {
        return 10_f64.powi(-i32::try_from(fraction.len()).unwrap_or(i32::MAX));
    }
    let noughts = digits.len() - digits.trim_end_matches('0').len();
    let rounded = noughts.min(digits.len().saturating_sub(2));
    10_f64.powi(i32::try_from(rounded).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<f64> {
        scan(text, true).numbers.into_iter().map(|number| number.value).collect()
    }

    #[test]
    fn quantities_are_found_with_separators_multiples_and_signs() {
        for (text, expected) in [
            ("2,350.5 tokens/s", vec![2350.5]),
            ("about 2.4k tokens", vec![2400.0]),
            ("$1.99/h, USD2.50", vec![1.99, 2.5]),
            ("-12 %", vec![12.0]),
            ("10-20 ms", vec![10.0, 20.0]),
            ("10–20 ms", vec![10.0, 20.0]),
            ("1.8x, 1.8×", vec![1.8, 1.8]),
            ("2xH100 or 2 × H100", vec![2.0, 2.0]),
            ("in 2048 tokens of 1,234,567", vec![2048.0, 1_234_567.0]),
            ("1,2", vec![1.0, 2.0]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn names_sizes_ordinals_and_years_are_no_quantities() {
        for text in [
            "H100, A100-80GB, L40S, p95, bf16, Q4_K_M, fp8",
            "Llama-3.1-8B, llama2:7b, 70B models, Qwen2.5-32B-Instruct, v0.6.3",
            "1. first\n2) second\n  3. third\n**4.** fourth",
            "in November 2026",
            "4-bit and 16 bit weights",
            "the 2nd and 3rd",
        ] {
            assert_eq!(values(text), Vec::<f64>::new(), "{text}");
        }
        // In the middle of a line it is a number.
        assert_eq!(scan("1. first", false).numbers.len(), 1);
    }

    #[test]
    fn dates_stand_apart() {
        let text = "measured 2026-11-20, again 2026-11-24T16:00:00Z: 5 ms";
        let found = scan(text, true);
        let dates: Vec<&str> = found.dates.iter().map(|at| &text[at.clone()]).collect();
        assert_eq!(dates, ["2026-11-20", "2026-11-24T16:00:00Z"]);
        assert_eq!(found.numbers.len(), 1);
        assert_eq!(found.numbers[0].unit, Unit::Milliseconds);
    }

    #[test]
    fn the_last_digit_says_what_it_was_rounded_to() {
        for (digits, expected) in
            [("2350", 10.0), ("2400", 100.0), ("100", 10.0), ("10", 1.0), ("5", 1.0), ("1.90", 0.01)]
        {
            assert!((step(digits) - expected).abs() < 1e-9, "{digits}");
        }
    }
}
