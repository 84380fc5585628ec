//! Every setting's name, its variable, and whether it is secret.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// `section.name`, as in the file.
    pub(super) name: &'static str,
    /// The environment variable that overrides it.
    pub(super) variable: &'static str,
    /// Whether its value is never printed, and may come from a file named by `<variable>_FILE`.
    pub(super) secret: bool,
}

const fn key(name: &'static str, variable: &'static str) -> Key {
    Key { name, variable, secret: false }
}

const fn secret(name: &'static str, variable: &'static str) -> Key {
    Key { name, variable, secret: true }
}

/// All settings, in the order of `config.default.toml`.
pub(super) const KEYS: &[Key] = &[
    secret("database.url", "DATABASE_URL"),
    secret("mongodb.url", "MONGODB_URL"),
    key("mongodb.database", "MONGODB_DATABASE"),
    key("mongodb.poll_ms", "DRIA_BENCH_MONGODB_POLL_MS"),
    key("mongodb.publish_chat_logs", "DRIA_BENCH_MONGODB_PUBLISH_CHAT_LOGS"),
    key("data.dir", "DRIA_BENCH_DATA_DIR"),
    key("data.pg_bin", "PG_BIN"),
    key("server.host", "DRIA_BENCH_HOST"),
    key("server.port", "DRIA_BENCH_PORT"),
    key("server.reads_per_minute", "DRIA_BENCH_SERVER_READS_PER_MINUTE"),
    key("server.writes_per_minute", "DRIA_BENCH_SERVER_WRITES_PER_MINUTE"),
    key("server.streams_per_address", "DRIA_BENCH_SERVER_STREAMS_PER_ADDRESS"),
    key("server.behind_proxy", "DRIA_BENCH_SERVER_BEHIND_PROXY"),
    key("server.origins", "DRIA_BENCH_SERVER_ORIGINS"),
    key("server.base_url", "DRIA_BENCH_BASE_URL"),
    key("server.site_url", "DRIA_BENCH_SITE_URL"),
    key("server.sign_in.github_client_id", "GITHUB_CLIENT_ID"),
    secret("server.sign_in.github_client_secret", "GITHUB_CLIENT_SECRET"),
    key("server.sign_in.github_redirect_uri", "GITHUB_REDIRECT_URI"),
    key("server.sign_in.github_url", "GITHUB_URL"),
    key("server.sign_in.github_api_url", "GITHUB_API_URL"),
    secret("server.sign_in.secret_key", "SECRET_KEY"),
    key("server.sign_in.admins", "DRIA_BENCH_ADMINS"),
    key("worker.lease_ms", "DRIA_BENCH_WORKER_LEASE_MS"),
    key("worker.heartbeat_ms", "DRIA_BENCH_WORKER_HEARTBEAT_MS"),
    key("worker.sweeper_ms", "DRIA_BENCH_WORKER_SWEEPER_MS"),
    key("worker.reaper_ms", "DRIA_BENCH_WORKER_REAPER_MS"),
    key("worker.concurrency", "DRIA_BENCH_WORKER_CONCURRENCY"),
    key("worker.poll_ms", "DRIA_BENCH_WORKER_POLL_MS"),
    key("scheduler.poll_ms", "DRIA_BENCH_SCHEDULER_POLL_MS"),
    key("retention.queue_days", "DRIA_BENCH_RETENTION_QUEUE_DAYS"),
    key("retention.ticks_days", "DRIA_BENCH_RETENTION_TICKS_DAYS"),
    key("retention.outbox_days", "DRIA_BENCH_RETENTION_OUTBOX_DAYS"),
    key("load.rates", "DRIA_BENCH_LOAD_RATES"),
    key("load.seconds", "DRIA_BENCH_LOAD_SECONDS"),
    key("load.prompt_tokens", "DRIA_BENCH_LOAD_PROMPT_TOKENS"),
    key("load.output_tokens", "DRIA_BENCH_LOAD_OUTPUT_TOKENS"),
    key("load.seed", "DRIA_BENCH_LOAD_SEED"),
    key("load.max_in_flight", "DRIA_BENCH_LOAD_MAX_IN_FLIGHT"),
    key("engines.llamacpp.server", "DRIA_BENCH_LLAMACPP_SERVER"),
    key("engines.llamacpp.python", "DRIA_BENCH_LLAMACPP_PYTHON"),
    key("engines.llamacpp.model", "DRIA_BENCH_LLAMACPP_MODEL"),
    key("engines.llamacpp.threads", "DRIA_BENCH_LLAMACPP_THREADS"),
    key("engines.ollama.binary", "DRIA_BENCH_OLLAMA_BINARY"),
    key("engines.vllm.python", "DRIA_BENCH_VLLM_PYTHON"),
    key("engines.sglang.python", "DRIA_BENCH_SGLANG_PYTHON"),
    secret("engines.endpoint.api_key", "DRIA_BENCH_ENDPOINT_API_KEY"),
    secret("runpod.api_key", "RUNPOD_API_KEY"),
    key("runpod.api_url", "RUNPOD_API_URL"),
    key("runpod.graphql_url", "RUNPOD_GRAPHQL_URL"),
    key("runpod.proxy_url_template", "RUNPOD_PROXY_URL_TEMPLATE"),
    secret("runpod.hf_token", "HF_TOKEN"),
    key("runpod.hf_secret", "RUNPOD_HF_SECRET"),
    key("runpod.start_deadline_ms", "DRIA_BENCH_RUNPOD_START_DEADLINE_MS"),
    key("runpod.poll_ms", "DRIA_BENCH_RUNPOD_POLL_MS"),
    key("runpod.max_lifetime_ms", "DRIA_BENCH_RUNPOD_MAX_LIFETIME_MS"),
    key("runpod.max_pods", "DRIA_BENCH_RUNPOD_MAX_PODS"),
    key("runpod.max_gpus", "DRIA_BENCH_RUNPOD_MAX_GPUS"),
    key("runpod.requests_per_minute", "DRIA_BENCH_RUNPOD_REQUESTS_PER_MINUTE"),
    key("runpod.min_balance_usd", "DRIA_BENCH_RUNPOD_MIN_BALANCE_USD"),
    key("budget.run_usd", "DRIA_BENCH_BUDGET_RUN_USD"),
    key("budget.day_usd", "DRIA_BENCH_BUDGET_DAY_USD"),
    key("webhooks.allow_private", "DRIA_BENCH_WEBHOOKS_ALLOW_PRIVATE"),
    key("webhooks.timeout_ms", "DRIA_BENCH_WEBHOOKS_TIMEOUT_MS"),
    key("webhooks.price_drop_percent", "DRIA_BENCH_WEBHOOKS_PRICE_DROP_PERCENT"),
    secret("assistant.api_key", "OPENAI_API_KEY"),
    key("assistant.base_url", "OPENAI_BASE_URL"),
    key("assistant.model", "OPENAI_MODEL"),
    key("assistant.timeout_ms", "DRIA_BENCH_ASSISTANT_TIMEOUT_MS"),
    key("assistant.rounds", "DRIA_BENCH_ASSISTANT_ROUNDS"),
    key("assistant.max_output_tokens", "DRIA_BENCH_ASSISTANT_MAX_OUTPUT_TOKENS"),
    key("assistant.tokens_per_answer", "DRIA_BENCH_ASSISTANT_TOKENS_PER_ANSWER"),
    key("assistant.questions_at_once", "DRIA_BENCH_ASSISTANT_QUESTIONS_AT_ONCE"),
    key("assistant.user_tokens_per_day", "DRIA_BENCH_ASSISTANT_USER_TOKENS_PER_DAY"),
    key("assistant.user_usd_per_day", "DRIA_BENCH_ASSISTANT_USER_USD_PER_DAY"),
    key("assistant.tokens_per_day", "DRIA_BENCH_ASSISTANT_TOKENS_PER_DAY"),
    key("assistant.usd_per_day", "DRIA_BENCH_ASSISTANT_USD_PER_DAY"),
    key("assistant.usd_per_million_prompt_tokens", "DRIA_BENCH_ASSISTANT_USD_PER_MILLION_PROMPT_TOKENS"),
    key("assistant.usd_per_million_output_tokens", "DRIA_BENCH_ASSISTANT_USD_PER_MILLION_OUTPUT_TOKENS"),
    key("log.filter", "RUST_LOG"),
    key("log.format", "DRIA_BENCH_LOG_FORMAT"),
];

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The setting whose name looks most like this one, if any does.
pub(super) fn nearest(name: &str) -> Option<String> {
    KEYS.iter()
        .map(|key| (strsim::jaro_winkler(key.name, name), key.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name.to_owned())
}
