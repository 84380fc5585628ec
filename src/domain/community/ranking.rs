//! How comments are ranked: by likes and replies, less with age.

/// Seconds after which a comment begins to sink.
const FRESH_S: f64 = 45_000.0;

/// A comment's score, to 4 places: likes × (1 + 0.1 × replies) ÷ max(1, age ÷ 45000 s)^1.5.
#[must_use]
pub fn score(likes: i32, replies: i32, age_s: f64) -> f64 {
    let weight = f64::from(likes.max(0)) * (1.0 + 0.1 * f64::from(replies.max(0)));
    let sunk = (age_s / FRESH_S).max(1.0).powf(1.5);
    (weight / sunk * 10_000.0).round() / 10_000.0
}
