//! What people say of runs: how a comment is cleaned, judged by rules, ranked and written as HTML. Pure; who may say it,
//! and where it is kept, is `community`'s and `store`'s.

pub mod markdown;
pub mod ranking;
pub mod rules;
pub mod text;

#[cfg(test)]
mod tests;
