//! Answers in memory, as bytes: each is made once for a state of the data, however many ask for it at that moment. Those of an
//! earlier state are asked for by nobody, and go as the oldest. It must not know what they are of.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::OnceCell;

/// As much as is kept, bytes of keys and answers together.
const MOST_BYTES: usize = 32 << 20;
/// What an answer costs beside its bytes, about.
const ENTRY_BYTES: usize = 256;

/// Answers by what was asked.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Arc<str>, Entry>,
    /// Keys, the oldest first.
    order: VecDeque<Arc<str>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    answer: Arc<OnceCell<Bytes>>,
    bytes: usize,
}

impl Cache {
    /// The answer to `key`, which names the state of the data too: kept, being made by somebody else, or made now.
    pub(super) async fn get<E>(
        &self,
        key: &str,
        make: impl Future<Output = Result<Vec<u8>, E>> + Send,
    ) -> Result<Bytes, E> {
        let cell = self.cell(key);
        let answer = cell.get_or_try_init(|| async { make.await.map(Bytes::from) }).await.cloned();
        self.settle(key, &cell, answer.as_ref().ok());
        answer
    }

    fn cell(&self, key: &str) -> Arc<OnceCell<Bytes>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.entries.get(key) {
            return Arc::clone(&entry.answer);
        }
        let (key, answer) = (Arc::<str>::from(key), Arc::default());
        let bytes = ENTRY_BYTES + key.len();
        kept.bytes += bytes;
        kept.order.push_back(Arc::clone(&key));
        kept.entries.insert(key, Entry { answer: Arc::clone(&answer), bytes });
        answer
    }

    /// Counts an answer's bytes once it is there, and lets the oldest go while there are too many. A refusal isn't kept.
    fn settle(&self, key: &str, cell: &Arc<OnceCell<Bytes>>, answer: Option<&Bytes>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { entries, order, bytes, .. } = &mut *kept;
        // It was let go meanwhile.
        let Some(entry) = entries.get_mut(key).filter(|entry| Arc::ptr_eq(&entry.answer, cell)) else {
            return;
        };
        match answer {
            Some(answer) => {
                let now = ENTRY_BYTES + key.len() + answer.len();
                *bytes = *bytes + now - entry.bytes;
                entry.bytes = now;
            }
            None if cell.get().is_none() => {
                *bytes -= entry.bytes;
                entries.remove(key);
                order.retain(|kept| **kept != *key);
            }
            None => {}
        }
        while *bytes > MOST_BYTES
            && let Some(oldest) = order.pop_front()
        {
            *bytes -= entries.remove(&oldest).map_or(0, |entry| entry.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(cache: &Cache, key: &str, answer: Vec<u8>) -> (Bytes, bool) {
        let mut was_asked = false;
        let make = async {
            was_asked = true;
            Ok::<_, ()>(answer)
        };
        let answer = cache.get(key, make).await.unwrap();
        (answer, was_asked)
    }

    #[tokio::test]
    async fn an_answer_is_made_once_and_a_refusal_each_time() {
        let cache = Cache::default();
        let refuse = async { Err(()) };
        assert!(cache.get("a", refuse).await.is_err());
        assert_eq!(ask(&cache, "a", b"1".to_vec()).await, (Bytes::from_static(b"1"), true));
        assert_eq!(ask(&cache, "a", b"2".to_vec()).await, (Bytes::from_static(b"1"), false));
        assert_eq!(ask(&cache, "b", b"2".to_vec()).await, (Bytes::from_static(b"2"), true));
    }

    #[tokio::test]
    async fn the_oldest_go_when_there_are_too_many() {
        let cache = Cache::default();
        let long = || vec![0; MOST_BYTES / 3];
        for key in ["a", "b", "c"] {
            assert!(ask(&cache, key, long()).await.1);
        }
        assert!(!ask(&cache, "c", long()).await.1, "the newest is kept");
        assert!(ask(&cache, "a", long()).await.1, "the oldest isn't");
        assert!(cache.kept.lock().unwrap().bytes <= MOST_BYTES);
        assert!(ask(&cache, "d", vec![0; MOST_BYTES + 1]).await.1);
        assert_eq!(cache.kept.lock().unwrap().bytes, 0, "and none that is too long on its own");
    }
}
