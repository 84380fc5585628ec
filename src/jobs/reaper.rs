//! The reaper: asks each provider what it has of this deployment, and destroys what no live run owns. It is the last
//! line: teardown removes what a run made, and this finds what a teardown could not know, e.g. the pod of a worker that
//! was taken for dead and created it afterwards. A pod past its deadline goes too, whoever owns it.
//!
//! It keeps the books of what is rented: what is listed is being paid for, what isn't listed any more has ended.
//!
//! Only names that begin with this deployment's prefix are touched. Others that look like ours are reported.

use serde::Serialize;
use serde_json::json;

use crate::{
    domain::{failure::Failure, ids::pod_prefix, kinds::ProviderKind},
    provider::{Provider, ProviderPod},
    store::{self, budgets, events, pods, pods::Owner, rentals},
    workflow::Services,
};

/// What all deployments' pods begin with.
const ANY_PREFIX: &str = "dria-";

/// A list may lag behind; what is older than this and not listed is gone, s.
const LISTED_WITHIN_S: f64 = 600.0;

/// The actor of its events.
const ACTOR: &str = "reaper";

/// What one round found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reaped {
    /// What live runs own.
    pub owned: usize,
    /// Names of what nobody owned, and is gone now.
    pub destroyed: Vec<String>,
    /// Names of pods that live runs owned, and that are gone now: they were there until their deadline.
    pub expired: Vec<String>,
    /// Names of what nobody owns, and is still there, each with the reason: the next round tries again.
    pub failed: Vec<(String, String)>,
    /// Names of other deployments' pods: theirs to remove.
    pub foreign: Vec<String>,
    /// Providers that could not be asked, each with the reason.
    pub unasked: Vec<(ProviderKind, String)>,
}

impl Reaped {
    /// Whether there is nothing that a person should know.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.destroyed.is_empty()
            && self.expired.is_empty()
            && self.failed.is_empty()
            && self.unasked.is_empty()
    }
}

/// One round over every provider.
///
/// # Errors
/// When the database fails; what providers do wrong is in the answer.
pub async fn reap(services: &Services) -> Result<Reaped, store::Error> {
    let ours = pod_prefix(&services.deployment);
    let mut reaped = Reaped::default();
    for provider in services.providers.all() {
        // Other deployments of this machine look after their own processes.
        let prefix = if provider.kind() == ProviderKind::Local { ours.as_str() } else { ANY_PREFIX };
        let listed = match provider.list(prefix).await {
            Ok(listed) => listed,
            Err(failure) => {
                reaped.unasked.push((provider.kind(), failure.to_string()));
                continue;
            }
        };
        let ids: Vec<String> = listed.iter().map(|pod| pod.external_id.clone()).collect();
        for pod in listed {
            if !pod.name.starts_with(&ours) {
                reaped.foreign.push(pod.name);
                continue;
            }
            // Asked after the list: a pod is in the ledger before it is at the provider.
            let mut conn = services.pool.acquire().await?;
            let owner = pods::owner(&mut conn, provider.kind(), &pod.name, &pod.external_id).await?;
            let name = owner.as_ref().map_or(&pod.name, |owner| &owner.pod);
            if let Some(rented) = &pod.rented {
                let (run, kind, id) =
                    (owner.as_ref().map(|owner| owner.run), provider.kind(), &pod.external_id);
                rentals::record(&mut conn, run, kind, name, id, rented).await?;
            }
            let overdue = budgets::is_overdue(&mut conn, name).await?;
            drop(conn);
            let live = owner.as_ref().is_some_and(|owner| !owner.status.is_terminal());
            if live && !overdue {
                reaped.owned += 1;
                continue;
            }
            match destroy(services, provider.as_ref(), &pod, owner.as_ref(), live).await? {
                Ok(()) if live => reaped.expired.push(pod.name),
                Ok(()) => reaped.destroyed.push(pod.name),
                Err(failure) => reaped.failed.push((pod.name, failure.to_string())),
            }
        }
        let mut conn = services.pool.acquire().await?;
        let ended = rentals::end_unlisted(&mut conn, provider.kind(), &ids, LISTED_WITHIN_S).await?;
        if !ended.is_empty() {
            tracing::warn!(pods = ?ended, "pods are gone that we didn't remove: nothing is paid for them any more");
        }
    }
    Ok(reaped)
}

async fn destroy(
    services: &Services,
    provider: &dyn Provider,
    pod: &ProviderPod,
    owner: Option<&Owner>,
    expired: bool,
) -> Result<Result<(), Failure>, store::Error> {
    if let Err(failure) = provider.destroy(&pod.name, Some(&pod.external_id)).await {
        return Ok(Err(failure));
    }
    let name = owner.map_or(&pod.name, |owner| &owner.pod);
    let mut tx = services.pool.begin().await?;
    pods::gone(&mut tx, name).await?;
    rentals::end(&mut tx, name, None).await?;
    if let Some(owner) = owner {
        let data = json!({ "pod": name, "provider": provider.kind() });
        let kind = if expired { "pod_expired" } else { "pod_reaped" };
        events::append(&mut tx, owner.run, kind, None, ACTOR, data).await?;
    }
    tx.commit().await?;
    Ok(Ok(()))
}
