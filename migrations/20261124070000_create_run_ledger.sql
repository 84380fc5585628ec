-- The ledger of runs: what was asked, which step is where, who tried it, what happened. It is the truth; a job in
-- apalis.jobs is only a wake-up token for the step whose job_key it carries.

-- One row: the id that marks everything this database ever rents, so that a reaper can tell its pods from others'.
create table deployment (
    id text primary key check (id ~ '^[a-z0-9]{8}$'),
    only_one boolean not null default true unique check (only_one),
    created_at timestamptz not null default now()
);
insert into deployment (id) values (substr(md5(gen_random_uuid()::text), 1, 8));

-- Fences only ever grow, over all steps and runs: a row that is deleted and made again never reuses one.
create sequence step_fence as bigint;

create table workflow_runs (
    id uuid primary key,
    kind text not null,                                  -- name of the workflow definition
    spec jsonb not null,                                 -- domain::spec::RunSpec
    spec_version int not null default 1,
    definition jsonb not null,                           -- the workflow as it was when the run was made
    status text not null default 'pending'
        check (status in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    cancel_requested boolean not null default false,
    paused boolean not null default false,
    generation int not null default 1 check (generation >= 1),
    engine_losses int not null default 0 check (engine_losses >= 0),
    public_id text,                                      -- the contract's pod_id, frozen at the first provision
    multi_pod boolean not null default false,
    queue text not null,                                 -- `steps`, or `steps@<host>` for the local provider
    priority int not null default 0 check (priority between 0 and 9),
    error jsonb,                                         -- domain::failure::Failure of the step that ended it
    rerun_of uuid references workflow_runs (id),
    engine text not null generated always as (spec -> 'engine' ->> 'kind') stored,
    model text not null generated always as (spec -> 'model' ->> 'id') stored,
    provider text not null generated always as (spec -> 'machine' ->> 'provider') stored,
    gpu_id text not null generated always as (spec -> 'machine' ->> 'gpu_id') stored,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((status in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null))
);
create unique index workflow_runs_public_id on workflow_runs (public_id) where public_id is not null;
create index workflow_runs_newest on workflow_runs (created_at desc, id desc);
create index workflow_runs_live on workflow_runs (id) where status in ('pending', 'running');

create table step_runs (
    run_id uuid not null references workflow_runs (id) on delete cascade,
    step int not null check (step >= 0),                 -- place in the run's definition
    name text not null,                                  -- `concurrency:3`
    status text not null default 'scheduled'
        check (status in ('scheduled', 'running', 'done', 'failed', 'cancelled', 'skipped')),
    attempt int not null default 0 check (attempt >= 0), -- tries that ended in an error, and the one under way
    losses int not null default 0 check (losses >= 0),   -- workers lost in the middle of it
    fence bigint not null default 0,
    job_key text not null,                               -- id of the apalis job that is this step's current token
    worker text,
    heartbeat_at timestamptz,
    lease_until timestamptz,
    run_after timestamptz not null default now(),
    progress jsonb,
    output jsonb,
    error jsonb,
    error_class text generated always as (error ->> 'code') stored,
    timings jsonb,
    scheduled_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, step),
    check ((status = 'running') = (lease_until is not null))
);
create index step_runs_live on step_runs (run_id) where status in ('scheduled', 'running');
create index step_runs_job_key on step_runs (job_key);

-- Append-only: one row a try, whatever became of it.
create table step_attempts (
    run_id uuid not null references workflow_runs (id) on delete cascade,
    step int not null,
    name text not null,
    generation int not null,
    attempt int not null,
    fence bigint not null,
    worker text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome text check (outcome in ('done', 'error', 'timeout', 'lost', 'cancelled', 'drained', 'engine_lost')),
    error jsonb,
    primary key (run_id, fence),
    check ((outcome is null) = (finished_at is null))
);

create table run_events (
    id bigint generated always as identity primary key,
    run_id uuid not null references workflow_runs (id) on delete cascade,
    ts timestamptz not null default clock_timestamp(),
    kind text not null,
    step text,
    actor text not null,                                 -- `worker:<name>`, `cli:<user>`, `sweeper`
    data jsonb not null default '{}'
);
create index run_events_of_run on run_events (run_id, id);
