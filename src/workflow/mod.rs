//! Runs and their steps: what a token wakes, how a step is claimed, executed and committed, and what comes next.
//!
//! The ledger in PostgreSQL is the truth and a token only a reason to look at it. A step is **claimed** in one
//! transaction (a higher fence, a lease), **executed** while a heartbeat extends the lease, and **committed** in one
//! transaction that is guarded by the fence: output, result, event, the next step and its token, or none of them.
//! Nothing here knows apalis, HTTP routes or the terminal.

pub mod budget;
mod claim;
mod commit;
mod execute;
pub mod steps;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use sqlx::PgPool;

use crate::{
    domain::{failure::Failure, kinds::ProviderKind},
    engine::InstallSettings,
    provider::Provider,
    queue::TokenQueue,
};

pub use crate::ledger::{Error, sweep};

pub use budget::Limits;
pub use commit::ENGINE_LOST;
pub use execute::{Executed, execute_one};

/// How patient workers are with each other.
#[derive(Debug, Clone, Copy)]
pub struct LeaseSettings {
    /// How long a step is its worker's without a sign of life.
    pub lease: Duration,
    /// How often a worker gives one.
    pub heartbeat: Duration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), heartbeat: Duration::from_secs(5) }
    }
}

/// Where engines may run.
#[derive(Clone, Default)]
pub struct Providers(BTreeMap<ProviderKind, Arc<dyn Provider>>);

impl Providers {
    /// Adds a provider.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn Provider>) -> Self {
        self.0.insert(provider.kind(), provider);
        self
    }

    /// Every provider.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values()
    }

    /// The provider of this kind.
    ///
    /// # Errors
    /// `provider_unavailable` when this process has none of the kind.
    pub fn get(&self, kind: ProviderKind) -> Result<Arc<dyn Provider>, Failure> {
        self.0.get(&kind).cloned().ok_or_else(|| {
            Failure::permanent("provider_unavailable", format!("this worker can't use the provider `{kind}`"))
        })
    }
}

/// What steps work with.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub pool: PgPool,
    /// Where tokens go.
    pub queue: Arc<dyn TokenQueue>,
    /// Where engines run.
    pub providers: Providers,
    /// How engines are found on this machine.
    pub install: InstallSettings,
    /// This database's deployment id.
    pub deployment: String,
    /// Folder for logs and caches.
    pub data_dir: PathBuf,
    /// Leases and heartbeats.
    pub leases: LeaseSettings,
    /// What may be spent and rented.
    pub limits: Limits,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}
