//! Every run in memory, as searches need them, read again when the data has changed.

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::Mutex;

use super::error::Error;
use crate::{
    domain::explore::Index,
    store::{
        data_versions::{self, DataVersion, Scope},
        explorer,
    },
};

/// The most runs that are searched, the newest: about 100 MB of them.
pub(super) const MOST_RUNS: u32 = 200_000;

/// The runs of the last state of the data that anybody asked for.
#[derive(Debug, Default)]
pub(super) struct Explorer {
    kept: Mutex<Option<(DataVersion, Arc<Index>)>>,
}

impl Explorer {
    /// The runs in this state of the data or a newer one. Whoever asks meanwhile waits for the one who reads.
    pub(super) async fn index(&self, pool: &PgPool, version: &DataVersion) -> Result<Arc<Index>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some((_, index)) = kept.as_ref().filter(|(kept, _)| kept == version) {
            return Ok(Arc::clone(index));
        }
        let mut conn = pool.acquire().await?;
        // Who waited may have an older state than the one that was read meanwhile.
        let version = data_versions::now(&mut conn).await?.of(&[Scope::Results]);
        if let Some((_, index)) = kept.as_ref().filter(|(kept, _)| *kept == version) {
            return Ok(Arc::clone(index));
        }
        let runs = explorer::runs(&mut conn, i64::from(MOST_RUNS)).await?;
        drop(conn);
        let built = tokio::task::spawn_blocking(move || Index::new(runs)).await;
        let index = Arc::new(built.map_err(|error| Error::Internal(error.to_string()))?);
        *kept = Some((version, Arc::clone(&index)));
        Ok(index)
    }
}
