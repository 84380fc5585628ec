-- What an operator said of queues, what chores beside the workers last found, and indexes for looking at jobs and
-- dead letters however many are over.

-- A row: no worker takes a step of the queue up, but teardowns. No row: it is worked.
create table queue_controls (
    queue text primary key check (queue <> ''),
    paused_at timestamptz not null default now(),
    paused_by text not null,
    reason text
);

-- The last word of each chore, whichever process did it.
create table chore_reports (
    chore text primary key check (chore in ('reaper')),
    at timestamptz not null default now(),
    host text not null,
    report jsonb not null
);

-- Tokens by queue, newest first. Those that are over are many, those that aren't are few.
create index jobs_open_by_queue on apalis.jobs (job_type, id) where status <> 'Done';
create index jobs_done_by_queue on apalis.jobs (job_type, id) where status = 'Done';

-- Steps that failed for good, newest first. A retry forgets such a row.
create index step_runs_dead on step_runs (finished_at desc, run_id desc, step desc) where status = 'failed';
