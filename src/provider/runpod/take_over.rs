//! Taking over a pod that another run had: it gets our name and our container, on the machine that it has. A pod is told
//! by its name, so a change whose answer was lost is seen to have been made.
//!
//! RunPod doesn't promise that a change restarts the container. So the one before is told from ours by how long it has
//! been up, and a restart is asked for where none came by itself.

use serde_json::json;

use super::{
    super::{ContainerSpec, MachineRequest, Provider},
    RunpodProvider, machine,
    policy::{self, UpdateVerdict},
    types::Pod,
};
use crate::{
    domain::failure::Failure,
    retry::{self, Again},
};

impl RunpodProvider {
    /// Makes the pod ours. `None`: it is gone, or can't be changed and was removed, so that another is to be rented.
    pub(super) async fn take_over(
        &self,
        request: &MachineRequest,
        container: &ContainerSpec,
    ) -> Result<Option<Pod>, Failure> {
        let Some(id) = request.external_id.as_deref() else { return Ok(None) };
        let Some(pod) = self.client.pod(id).await?.filter(|pod| !pod.is_gone()) else { return Ok(None) };
        let gpu_id = pod.gpu.map_or_else(|| request.machine.gpu_id.clone(), |gpu| gpu.id);
        let body = machine::update_body(request, container, &gpu_id, &self.settings);
        let updated = retry::call(
            self.client.policy(),
            |(_, again)| *again,
            || async {
                let error = match self.client.update(id, &body).await {
                    // One that keeps its name could not be told from the other run's.
                    Ok(pod) => return Ok(Some(pod).filter(|pod| pod.name == request.name)),
                    Err(error) => error,
                };
                match policy::update_verdict(&error) {
                    UpdateVerdict::Refused => {
                        tracing::warn!(pod = %request.name, id, %error, "the pod can't be taken over; renting another");
                        return Ok(None);
                    }
                    UpdateVerdict::LookFirst => {
                        let looked = self.client.pod(id).await.map_err(|failure| (failure, Again::Never))?;
                        match looked.filter(|pod| !pod.is_gone()) {
                            Some(pod) if pod.name == request.name => return Ok(Some(pod)),
                            Some(_) => {}
                            None => return Ok(None),
                        }
                    }
                    UpdateVerdict::Other => {}
                }
                Err((policy::failure(&error), policy::again(&error)))
            },
        );
        let updated = updated.await.map_err(|(failure, _)| failure)?;
        match &updated {
            Some(pod) => tracing::info!(pod = %pod.name, id = %pod.id, "pod taken over"),
            None => self.destroy(&request.name, Some(id)).await?,
        }
        Ok(updated)
    }

    /// The pod as far as it is ours: while the container of before still runs, it is one that starts.
    pub(super) async fn as_ours(&self, mut pod: Pod, request: &MachineRequest) -> Pod {
        let theirs = request.taken_for.is_some_and(|taken_for| !pod.started_within(taken_for));
        let (asked, waited) = self.with_seen(|seen| {
            seen.get(&pod.name).map_or((false, false), |seen| {
                (seen.restart_asked, seen.since.elapsed() >= self.settings.restart_after)
            })
        });
        // What ended after a restart is ours.
        if !theirs || (asked && pod.has_ended()) {
            return pod;
        }
        if waited && !asked {
            self.restart(&pod).await;
        }
        "STARTING".clone_into(&mut pod.status);
        pod.runtime = None;
        pod
    }

    async fn restart(&self, pod: &Pod) {
        let action = if pod.has_ended() { "start" } else { "restart" };
        tracing::info!(pod = %pod.name, id = %pod.id, action, "the container of before is still there");
        match self.client.act(&pod.id, &json!({ "action": action })).await {
            Ok(()) => self.with_seen(|seen| {
                if let Some(seen) = seen.get_mut(&pod.name) {
                    seen.restart_asked = true;
                }
            }),
            Err(failure) => tracing::warn!(pod = %pod.name, %failure, "it could not be asked to restart"),
        }
    }
}
