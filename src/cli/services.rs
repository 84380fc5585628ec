//! What a process needs to work runs: services, workers' options, and this host's name.

use std::{path::Path, sync::Arc, time::Duration};

use super::{CliError, Context, database::Database, spec::definition_places};
use sqlx::PgPool;

use crate::{
    api::Extras,
    assistant::Assistant,
    community::{ModelSettings, Moderator},
    config::{self, Config},
    definitions::Definitions,
    domain::kinds::ProviderKind,
    engine::InstallSettings,
    jobs::{SchedulerOptions, SharedGate, WorkerOptions, host},
    provider::{EndpointProvider, LocalProvider, LocalSettings, RunpodProvider, RunpodSettings},
    queue::{self, ApalisQueue},
    store::database,
    sync::{Sender, Settings},
    workflow::{LeaseSettings, Limits, Providers, Services},
};

/// Steps of local runs that one host works at once. Only one of them measures: a run waits for its turn before it is
/// provisioned. The others are teardowns, and looks at what is to wait.
const LOCAL_CONCURRENCY: usize = 4;

/// Everything steps work with.
///
/// # Errors
/// Exit 3 when the database fails.
pub async fn services(context: &Context, database: &Database) -> Result<Services, CliError> {
    let config = &context.config;
    let api_key = config.engines.endpoint.api_key.as_ref().map(|key| key.expose().to_owned());
    let mut conn = database.pool.acquire().await?;
    let deployment = database::deployment_id(&mut conn).await?;
    drop(conn);
    let mut providers = Providers::default()
        .with(Arc::new(LocalProvider::new(LocalSettings::new(config.data.dir.clone()))))
        .with(Arc::new(EndpointProvider { api_key }));
    if let Some(mut settings) = runpod_settings(config) {
        let per_minute = settings.requests_per_minute;
        settings.gate = Some(Arc::new(SharedGate::new(database.pool.clone(), "runpod", per_minute)));
        let runpod =
            RunpodProvider::new(settings).map_err(|failure| CliError::failed(failure.to_string()))?;
        providers = providers.with(Arc::new(runpod));
    }
    Ok(Services {
        pool: database.pool.clone(),
        queue: Arc::new(ApalisQueue),
        providers,
        install: install_settings(config),
        deployment,
        data_dir: config.data.dir.clone(),
        leases: LeaseSettings { lease: config.worker.lease, heartbeat: config.worker.heartbeat },
        limits: limits(config),
    })
}

/// What may be spent and rented.
fn limits(config: &Config) -> Limits {
    Limits {
        run_usd: config.budget.run_usd,
        day_usd: config.budget.day_usd,
        min_balance_usd: config.runpod.min_balance_usd,
        max_pods: config.runpod.max_pods,
        max_gpus: config.runpod.max_gpus,
        max_lifetime: config.runpod.max_lifetime,
    }
}

/// How RunPod is used; `None` without a key.
fn runpod_settings(config: &Config) -> Option<RunpodSettings> {
    let runpod = &config.runpod;
    let key = runpod.api_key.clone()?;
    Some(RunpodSettings {
        hf_token: runpod.hf_token.clone(),
        hf_secret: runpod.hf_secret.clone(),
        start_deadline: runpod.start_deadline,
        poll_every: runpod.poll,
        requests_per_minute: runpod.requests_per_minute,
        ..RunpodSettings::new(
            key,
            runpod.api_url.clone(),
            runpod.graphql_url.clone(),
            runpod.proxy_url_template.clone(),
        )
    })
}

/// Where engines are looked for on this machine.
#[must_use]
pub fn install_settings(config: &Config) -> InstallSettings {
    let engines = &config.engines;
    InstallSettings {
        data_dir: config.data.dir.clone(),
        search_path: config::search_path(),
        tool_roots: config::tool_folders()
            .iter()
            .filter_map(|tools| tools.parent())
            .map(Path::to_owned)
            .collect(),
        llamacpp_server: engines.llamacpp.server.clone(),
        llamacpp_python: engines.llamacpp.python.clone(),
        llamacpp_threads: Some(engines.llamacpp.threads),
        ollama_binary: engines.ollama.binary.clone(),
        vllm_python: engines.vllm.python.clone(),
        sglang_python: engines.sglang.python.clone(),
        truth_binary: std::env::current_exe().ok(),
    }
}

/// The queue of a run on this provider.
#[must_use]
pub fn queue_of(provider: ProviderKind) -> String {
    match provider {
        ProviderKind::Local => queue::local_queue(&host::host_id()),
        ProviderKind::Runpod | ProviderKind::Endpoint => queue::SHARED_QUEUE.to_owned(),
    }
}

/// A process' workers on every queue it may serve: the shared one and this host's.
#[must_use]
pub fn worker_options(config: &Config) -> WorkerOptions {
    WorkerOptions {
        queues: vec![
            (queue::SHARED_QUEUE.to_owned(), config.worker.concurrency),
            (queue_of(ProviderKind::Local), LOCAL_CONCURRENCY),
        ],
        poll: config.worker.poll,
        sweep_every: config.worker.sweeper,
        reap_every: config.worker.reaper,
        webhooks: (&config.webhooks).into(),
    }
}

/// How long the model that moderates comments may take: somebody waits for their comment.
const MODERATION_WITHIN: Duration = Duration::from_secs(5);

/// What a server works with beside its own settings. Comments are moderated by the assistant's model where there is one.
///
/// # Errors
/// Exit 1 when no HTTP client can be made.
pub fn extras(config: &Config, pool: &PgPool) -> Result<Extras, CliError> {
    let assistant = &config.assistant;
    let moderator = match &assistant.api_key {
        None => Moderator::by_rules(),
        Some(key) => Moderator::with_model(ModelSettings {
            base_url: assistant.base_url.clone(),
            api_key: Some(key.clone()),
            model: assistant.model.clone(),
            timeout: MODERATION_WITHIN,
        })
        .map_err(|error| CliError::failed(format!("no HTTP client can be made: {error}")))?,
    };
    let assistant = Assistant::new(assistant, pool.clone())?;
    let publishes_to = Settings::from_config(config).map(|settings| settings.database);
    Ok(Extras { moderator, webhooks: (&config.webhooks).into(), assistant, publishes_to })
}

/// How a process schedules: definitions of the usual places, and the settings.
#[must_use]
pub fn scheduler_options(context: &Context) -> SchedulerOptions {
    SchedulerOptions {
        definitions: Definitions::new(definition_places(context)),
        config: Arc::new(context.config.clone()),
    }
}

/// What sends to MongoDB, started.
pub(super) fn sender(context: &Context, database: &Database) -> Sender {
    Sender::start(&database.pool, Settings::from_config(&context.config), &host::host_id())
}
