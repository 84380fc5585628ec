//! provision: get the machine. Done when it is there: RunPod's container runs, this host has what the engine needs,
//! or the given URL answers.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{StepContext, StepReport, database_failure, engine_up::explained, rental};
use crate::{
    domain::{
        catalog::Catalog,
        failure::Failure,
        kinds::{EngineKind, ProviderKind},
        outputs::ProvisionOutput,
    },
    provider::MachineRequest,
    store::{self, pods::Taken},
};

/// Disk that must be free on a local machine for logs, the database and a little more, bytes. Weights are there
/// already, or Ollama's pull says what it lacks.
const LOCAL_DISK_NEEDED_BYTES: u64 = 512 * 1024 * 1024;

/// How often a machine that is coming is looked at. A provider may answer from what it asked for a moment ago.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    let rented = spec.machine.provider == ProviderKind::Runpod;
    let taken = taken(context, &name).await?;
    let mut request = MachineRequest {
        name: name.clone(),
        machine: spec.machine.clone(),
        container,
        external_id: recorded_id(context, &name).await?,
        taken_for: None,
        rented_for: None,
        rented_before: 0,
        gated_model: is_gated(context),
        disk_needed_bytes: LOCAL_DISK_NEEDED_BYTES,
        program: install.as_ref().map(|install| install.program.clone()),
    };
    if rented && (request.external_id.is_none() || taken.is_some()) {
        rental::may_rent(context, provider.as_ref()).await?;
    }
    let asked = Instant::now();
    let machine = loop {
        if rented {
            (request.rented_before, request.rented_for) =
                rental::history(context, &name, request.external_id.as_deref()).await?;
            request.taken_for = taken.as_ref().map(|taken| taken_for(taken, asked));
        }
        let machine = match provider.ensure_machine(&request).await {
            Ok(machine) => machine,
            Err(failure) => {
                rental::settle(context, provider.as_ref(), &name, request.external_id.as_deref()).await?;
                return Err(explained(context, failure));
            }
        };
        // Recorded before it is waited for: a kill while waiting must not lose the machine.
        rental::record_machine(context, provider.as_ref(), &name, &machine).await?;
        request.external_id.clone_from(&machine.external_id);
        if machine.ready {
            break machine;
        }
        context.report_progress(json!({ "waiting_s": asked.elapsed().as_secs_f64(), "for": "the machine" }));
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let seconds = asked.elapsed().as_secs_f64();
    // One that was lost, or could not be taken over, was replaced.
    let taken = taken.filter(|taken| machine.external_id.as_deref() == Some(&*taken.external_id));
    let output = ProvisionOutput {
        pod_name: name,
        external_id: machine.external_id.clone(),
        host: machine.facts,
        price_usd_per_hour: machine.price_usd_per_hour,
        install,
        image: request.container.map(|container| container.image),
        placement_s: rented.then_some(seconds),
        machine_of: taken.as_ref().map(|taken| taken.from),
    };
    let mut report = StepReport::new(&output, json!({ "machine_s": seconds }))?;
    report.public_id = Some(match machine.external_id {
        // A pod's id is that of the first run that had it.
        Some(external_id) if rented && taken.is_none() => external_id,
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

/// Whose pod it was before it was handed over, where it was.
async fn taken(context: &StepContext<'_>, name: &str) -> Result<Option<Taken>, Failure> {
    let mut conn = context.connection().await?;
    store::pods::taken(&mut conn, name).await.map_err(|error| database_failure(&error))
}

/// How long ago that was, if it was asked for at `asked`.
fn taken_for(taken: &Taken, asked: Instant) -> Duration {
    Duration::try_from_secs_f64(taken.taken_for_s).unwrap_or_default() + asked.elapsed()
}

/// The id under which an earlier try of this step left the machine.
async fn recorded_id(context: &StepContext<'_>, name: &str) -> Result<Option<String>, Failure> {
    let mut conn = context.connection().await?;
    let pods =
        store::pods::list(&mut conn, context.run.id).await.map_err(|error| database_failure(&error))?;
    Ok(pods.into_iter().find(|pod| pod.name == name).and_then(|pod| pod.external_id))
}

/// Whether the engine would download weights that aren't given to everybody. Ollama has its own library.
fn is_gated(context: &StepContext<'_>) -> bool {
    let (model, engine) = (&context.spec().model.id, context.spec().engine.kind);
    let from_hugging_face = matches!(engine, EngineKind::Vllm | EngineKind::Sglang);
    let catalog = Catalog::embedded().ok().filter(|_| from_hugging_face);
    catalog.is_some_and(|catalog| catalog.model(model, engine).is_ok_and(|model| model.gated == Some(true)))
}
