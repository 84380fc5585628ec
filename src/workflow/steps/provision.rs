//! provision: get the machine. Done when it is there: RunPod's container runs, this host has what the engine needs,
//! or the given URL answers.

use std::time::Instant;

use serde_json::json;

use super::{StepContext, StepReport, database_failure, record_created};
use crate::{
    domain::{failure::Failure, kinds::ProviderKind, outputs::ProvisionOutput},
    provider::MachineRequest,
    store,
};

/// Disk that must be free on a local machine for logs, the database and a little more, bytes. Weights are there
/// already, or Ollama's pull says what it lacks.
const LOCAL_DISK_NEEDED_BYTES: u64 = 512 * 1024 * 1024;

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let spec = context.spec();
    let (engine, provider) = (context.engine(), context.provider()?);
    let name = context.pod_name();
    let install = match spec.machine.provider {
        ProviderKind::Local => Some(engine.find_install(&context.services.install).await?),
        ProviderKind::Runpod | ProviderKind::Endpoint => None,
    };
    let container = match spec.machine.provider {
        ProviderKind::Runpod => Some(engine.container_spec(spec)?),
        ProviderKind::Local | ProviderKind::Endpoint => None,
    };
    intend(context, &name).await?;
    let request = MachineRequest {
        name: name.clone(),
        machine: spec.machine.clone(),
        container,
        disk_needed_bytes: LOCAL_DISK_NEEDED_BYTES,
        program: install.as_ref().map(|install| install.program.clone()),
    };
    let asked = Instant::now();
    let machine = loop {
        let machine = provider.ensure_machine(&request).await?;
        // Recorded before it is waited for: a kill while waiting must not lose the machine.
        record_created(context, &name, machine.external_id.as_deref()).await?;
        if machine.ready {
            break machine;
        }
        context.report_progress(json!({ "waiting_s": asked.elapsed().as_secs_f64(), "for": "the machine" }));
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    };
    let rented = spec.machine.provider == ProviderKind::Runpod;
    let seconds = asked.elapsed().as_secs_f64();
    let output = ProvisionOutput {
        pod_name: name,
        external_id: machine.external_id.clone(),
        host: machine.facts,
        price_usd_per_hour: machine.price_usd_per_hour,
        install,
        placement_s: rented.then_some(seconds),
    };
    let mut report = StepReport::new(&output, json!({ "machine_s": seconds }))?;
    report.public_id = Some(match machine.external_id {
        Some(external_id) if rented => external_id,
        _ => context.run.id.to_string(),
    });
    Ok(report)
}

/// Commits the pod's name before anything can exist under it.
async fn intend(context: &StepContext<'_>, name: &str) -> Result<(), Failure> {
    let mut conn = context.connection().await?;
    let provider = context.spec().machine.provider;
    store::pods::intend(&mut conn, context.run.id, context.run.generation, provider, name)
        .await
        .map_err(|error| database_failure(&error))
}
