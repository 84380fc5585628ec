-- What readers see: one row a run and one a benchmark, written in the transaction that ends the run (or imports it). The
-- HTTP API, its searches and the copy in MongoDB read these alone, so a run that was measured here and one that was
-- imported look the same; the ledger keeps how a number came about.

create table published_runs (
    pod_id text primary key check (pod_id ~ '^[A-Za-z0-9_-]+$'),
    run_id uuid unique references workflow_runs (id) on delete cascade,     -- null: imported
    imported_from text check (imported_from <> ''),                          -- `mongodb:<database>`, `file:<name>`; null: measured here
    status text not null check (status in ('succeeded', 'failed', 'cancelled')),
    failure_code text,                                                       -- domain::failure code of what ended it
    -- What was measured.
    llm_id text not null,                                                    -- the engine's own model id
    llm_common_name text not null,
    llm_parameter_size text not null default '',                             -- `7b`
    model_slug text,                                                         -- an id of catalog/models.csv, where it is known
    precision text,                                                          -- of the weights: bf16, fp8, q4_0, …
    inference_name text not null check (inference_name <> ''),               -- Ollama, VLLM, SGLang, …
    engine_version text,
    image text,                                                              -- container image that ran, with its digest where known
    -- Where.
    gpu_id text not null check (gpu_id <> ''),
    gpu_key text,                                                            -- an id of catalog/gpus.csv, where it is known
    gpu_count int not null default 1 check (gpu_count >= 0),
    server_type text not null check (server_type <> ''),                     -- Runpod, local, …
    pod_url text not null default '',
    port int not null default 0 check (port between 0 and 65535),
    volume_in_gb int not null default 0 check (volume_in_gb >= 0),
    container_disk_in_gb int not null default 0 check (container_disk_in_gb >= 0),
    -- How long setting up took, in whole seconds.
    server_start_s int check (server_start_s >= 0),
    model_download_s int check (model_download_s >= 0),
    -- What it cost; unknown together.
    usd_per_hour numeric(14, 6) check (usd_per_hour >= 0),                   -- the whole pod
    uptime_s int check (uptime_s >= 0),
    used_usd numeric(14, 6) check (used_usd >= 0),
    -- The ten benchmarks together.
    benchmark_types text[] not null default '{}',                            -- kinds it has results of
    benchmark_duration_s double precision check (benchmark_duration_s >= 0),
    suite_started_at timestamptz,
    suite_ended_at timestamptz,
    failures jsonb not null default '[]',                                    -- [{test_type, rate, error, kind}]
    -- Of its throughput benchmark (compat view), for searches; null without one.
    ttft_ms double precision,
    output_tokens_per_second double precision,
    request_latency_s double precision,
    usd_per_million_output_tokens numeric(14, 6),
    comparability jsonb,                                                     -- domain::measure::comparable::Comparability
    icon_url text,
    -- Counted in the transactions of votes and comments.
    upvotes int not null default 0 check (upvotes >= 0),
    comment_count int not null default 0 check (comment_count >= 0),         -- top-level ones that are seen
    created_at timestamptz not null,
    updated_at timestamptz not null default now(),
    version bigint not null default 1 check (version >= 1),                  -- grows with each change of what is above
    check ((usd_per_hour is null) = (uptime_s is null) and (usd_per_hour is null) = (used_usd is null)),
    check ((run_id is null) = (imported_from is not null))
);

create table published_results (
    pod_id text not null references published_runs (pod_id) on delete cascade,
    benchmark_type text not null check (benchmark_type in ('concurrent', 'throughput')),
    rate int check (rate > 0),
    result_id bigint references benchmark_results (id) on delete set null,   -- null: imported
    max_number bigint,
    warmup_number bigint,
    benchmark_duration double precision not null check (benchmark_duration >= 0),
    total_requests bigint not null check (total_requests >= 0),
    successful_requests bigint not null check (successful_requests > 0),     -- without one there are no means
    requests_per_second double precision not null,
    request_concurrency double precision not null,
    request_latency double precision not null,                               -- s
    prompt_token_count double precision not null,
    output_token_count double precision not null,
    time_to_first_token_ms double precision not null,
    time_per_output_token_ms double precision not null,
    inter_token_latency_ms double precision not null,
    output_tokens_per_second double precision not null,
    tokens_per_second double precision not null,
    measured_at timestamptz not null,
    unique nulls not distinct (pod_id, benchmark_type, rate),
    check ((benchmark_type = 'throughput') = (rate is null))
);
