//! Cleaning what somebody wrote: nothing is left in it that a reader can't see.

/// The longest comment, characters as they are sent.
pub const MOST_CHARS: usize = 1000;

/// The text without control characters, without characters of no width, and with plain line ends; no more than one empty
/// line in a row, nothing but text at its ends. It may be empty. Cleaning it again changes nothing.
///
/// What joins signs of a script or the parts of an emoji stays between those.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}', '\u{85}'], "\n");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(sign) = rest.next() {
        let stays = match sign {
            '\n' => !kept.ends_with("\n\n"),
            '\t' => true,
            _ if sign.is_control() || is_unseen(sign) => false,
            // A zero-width (non-)joiner needs something at both of its sides, a variation selector what it varies.
            '\u{200c}' | '\u{200d}' => joins(kept.chars().next_back()) && joins(rest.peek().copied()),
            '\u{fe0e}' | '\u{fe0f}' => kept.chars().next_back().is_some_and(is_joinable),
            _ => true,
        };
        if stays {
            kept.push(sign);
        }
    }
    kept.trim().to_owned()
}

/// What may stand beside a joiner.
fn joins(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|sign| is_joinable(sign) || sign == '\u{fe0f}')
}

fn is_joinable(sign: char) -> bool {
    !sign.is_ascii() && !sign.is_whitespace() && !sign.is_control() && !is_unseen(sign) && !is_joiner(sign)
}

const fn is_joiner(sign: char) -> bool {
    matches!(sign, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Signs of no width and no use here: soft hyphens, fillers, marks and overrides of direction, tags, private use.
const fn is_unseen(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}'
    )
}
