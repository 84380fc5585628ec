//! What may be asked: tokens and dollars of a day, of each person and of all, and how many questions at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Asker, Error};
use crate::{config, store::assistant_spend};

/// Whether somebody may ask now. What is being answered at the moment isn't counted yet, so a day may be overdrawn by the
/// answers under way, of which each has its bound.
///
/// # Errors
/// When their day, or everybody's, is used up; it says when it is free again.
pub(super) async fn check(
    conn: &mut PgConnection,
    asker: &Asker,
    settings: &config::Assistant,
) -> Result<(), Error> {
    let today = assistant_spend::today(conn, asker.counted_as()).await?;
    let retry_after_s = u64::try_from(today.ends_in_s).unwrap_or(1);
    let is_spent = |tokens: i64, usd: Decimal, most_tokens: u32, most_usd: Decimal| {
        // Where nothing costs anything, no dollars are there to run out of.
        tokens >= i64::from(most_tokens) || (usd >= most_usd && usd > Decimal::ZERO)
    };
    if matches!(asker, Asker::Person { .. })
        && is_spent(
            today.user_tokens,
            today.user_usd,
            settings.user_tokens_per_day,
            settings.user_usd_per_day,
        )
    {
        return Err(Error::PersonSpent { retry_after_s });
    }
    if is_spent(today.tokens, today.usd, settings.tokens_per_day, settings.usd_per_day) {
        return Err(Error::AllSpent { retry_after_s });
    }
    Ok(())
}

/// Questions under way, by person.
#[derive(Debug)]
pub(super) struct AtOnce {
    most: u32,
    open: Mutex<HashMap<i64, u32>>,
}

impl AtOnce {
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Takes a place for a question.
    ///
    /// # Errors
    /// When this person has as many questions under way as they may.
    pub(super) fn enter(places: &Arc<Self>, who: i64) -> Result<Place, Error> {
        let mut open = places.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(who).or_default();
        if *count >= places.most {
            return Err(Error::Busy(places.most));
        }
        *count += 1;
        Ok(Place { places: Arc::clone(places), who })
    }
}

/// A question's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<AtOnce>,
    who: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.who) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_and_each_person_has_their_own() {
        let places = AtOnce::new(1);
        let place = AtOnce::enter(&places, 1).unwrap();
        assert!(matches!(AtOnce::enter(&places, 1), Err(Error::Busy(1))));
        assert!(AtOnce::enter(&places, 2).is_ok());
        drop(place);
        assert!(AtOnce::enter(&places, 1).is_ok());
    }
}
