-- Matrices: many runs described at once, and started a few at a time.

create table matrices (
    id uuid primary key,
    schedule text,                                       -- the schedule that made it; null: a person did
    tick timestamptz,                                    -- its time in that schedule; null: started by hand
    definition jsonb not null,                           -- domain::matrix::MatrixDefinition
    workflow jsonb not null,                             -- the steps of its runs, as they were when it was made
    queue text not null,                                 -- where its runs' steps go
    state text not null default 'planned' check (state in ('planned', 'running', 'done', 'cancelled')),
    cancel_requested boolean not null default false,
    budget_usd numeric(14, 6) not null check (budget_usd > 0),
    spent_usd numeric(14, 6) not null default 0,         -- as of the last look; runs may be forgotten, this stays
    resumed int not null default 0 check (resumed >= 0),
    created_by text not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (schedule, tick),
    check (tick is null or schedule is not null),
    check ((state in ('done', 'cancelled')) = (finished_at is not null))
);
create index matrices_newest on matrices (created_at desc, id desc);
create index matrices_live on matrices (id) where state in ('planned', 'running');

create table matrix_cells (
    matrix_id uuid not null references matrices (id) on delete cascade,
    cell int not null check (cell >= 0),                 -- its place in the order of starting
    cell_group int not null,                             -- same model, GPU and count: compared with each other
    model text not null,
    engine text not null,
    gpu text not null,
    gpu_count int not null check (gpu_count >= 0),
    priority int not null,                               -- as the definition gives it
    spec jsonb not null,                                 -- domain::spec::RunSpec of its run
    state text not null default 'planned'
        check (state in ('planned', 'running', 'done', 'failed', 'skipped', 'cancelled')),
    reason text,                                         -- why it failed, was skipped or cancelled
    run_id uuid references workflow_runs (id) on delete set null,
    attempts int not null default 0 check (attempts >= 0), -- times it was started, resumes included
    primary key (matrix_id, cell)
);
-- The proof that no two cells share a run.
create unique index matrix_cells_of_run on matrix_cells (run_id) where run_id is not null;

-- Where the first run of a group found its machine: all others of the group ask for the same place.
create table matrix_places (
    matrix_id uuid not null references matrices (id) on delete cascade,
    cell_group int not null,
    gpu_id text not null,
    data_center text,                                    -- null: the provider didn't tell
    pinned_at timestamptz not null default now(),
    primary key (matrix_id, cell_group)
);

-- Where the cells that were started are, by their runs. One that is planned again waits whatever its run is, and one
-- that was given up stays so unless somebody took its run up by hand.
create view matrix_cells_now as
select c.matrix_id, c.cell,
       case r.status when 'succeeded' then 'done' when 'failed' then 'failed' when 'cancelled' then 'cancelled'
                     when 'pending' then 'running' when 'running' then 'running' end as state,
       case r.status when 'failed' then (r.error ->> 'code') || ': ' || (r.error ->> 'message')
                     when 'cancelled' then 'its run was cancelled' end as reason
from matrix_cells c join workflow_runs r on r.id = c.run_id
where c.state in ('running', 'done', 'failed')
   or (c.state in ('skipped', 'cancelled') and r.status in ('pending', 'running', 'succeeded'))
union all
select matrix_id, cell, 'failed', 'its run was deleted' from matrix_cells where state = 'running' and run_id is null;
