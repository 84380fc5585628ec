-- What a run measured, what it rents, and what is to be published of it.

create table benchmark_results (
    id bigint generated always as identity primary key,
    run_id uuid not null references workflow_runs (id) on delete cascade,
    step int not null,
    generation int not null,
    superseded_at timestamptz,                           -- set when a retry measures the level again
    -- The 17 columns, compat view: what existing readers expect.
    benchmark_type text not null check (benchmark_type in ('concurrent', 'throughput')),
    rate int check (rate > 0),
    max_number bigint,
    warmup_number bigint,
    benchmark_duration double precision not null check (benchmark_duration >= 0),
    total_requests bigint not null check (total_requests >= 0),
    successful_requests bigint not null check (successful_requests between 0 and total_requests),
    requests_per_second double precision,
    request_concurrency double precision,
    request_latency double precision,                    -- s
    prompt_token_count double precision,
    output_token_count double precision,
    time_to_first_token_ms double precision,
    time_per_output_token_ms double precision,
    inter_token_latency_ms double precision,
    output_tokens_per_second double precision,
    tokens_per_second double precision,
    -- The whole summary (domain::measure::summary::LevelSummary): measured view, spreads, instrument, errors.
    summary jsonb not null,
    comparability jsonb,                                 -- domain::measure::comparable::Comparability
    records_sha256 text not null check (records_sha256 ~ '^[0-9a-f]{64}$'),
    started_at timestamptz not null,                     -- wall time of the level's start
    created_at timestamptz not null default now(),
    check ((benchmark_type = 'throughput') = (rate is null)),
    -- NaN and infinity are not measurements.
    check (coalesce(requests_per_second, 0) >= 0 and coalesce(requests_per_second, 0) < 'infinity'),
    check (coalesce(output_tokens_per_second, 0) >= 0 and coalesce(output_tokens_per_second, 0) < 'infinity'),
    check (coalesce(request_latency, 0) >= 0 and coalesce(request_latency, 0) < 'infinity')
);
-- The proof that nothing is doubled: one live result a step, and no two results of a run from the same records.
create unique index benchmark_results_one_a_step on benchmark_results (run_id, step) where superseded_at is null;
create unique index benchmark_results_no_twin on benchmark_results (run_id, records_sha256) where superseded_at is null;

create table pods (
    id bigint generated always as identity primary key,
    run_id uuid not null references workflow_runs (id) on delete cascade,
    generation int not null,
    provider text not null check (provider in ('runpod', 'local', 'endpoint')),
    name text not null unique,                           -- committed before anything is created under it
    external_id text,                                    -- the provider's id, or `pid:start time`
    state text not null default 'intent' check (state in ('intent', 'created', 'deleting', 'gone')),
    created_at timestamptz not null default now(),
    gone_at timestamptz,
    check ((state = 'gone') = (gone_at is not null))
);
create index pods_of_run on pods (run_id);
create index pods_live on pods (provider, name) where state <> 'gone';

-- What is to be published, written in the transaction that makes it true.
create table outbox (
    id bigint generated always as identity primary key,
    aggregate text not null check (aggregate in ('run', 'result')),
    aggregate_id text not null,
    version int not null,
    payload jsonb not null default '{}',
    created_at timestamptz not null default now(),
    sent_at timestamptz
);
create index outbox_unsent on outbox (id) where sent_at is null;
