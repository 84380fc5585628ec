-- Schedules as their files were last read, what operators said about them, and what became of each of their ticks.

create table schedules (
    name text primary key,
    definition jsonb,                                    -- domain::schedule::ScheduleDefinition; null: never could be read
    enabled boolean not null default false,              -- what the file says
    override_enabled boolean,                            -- what an operator says, which counts more; null: nothing
    override_by text,
    override_at timestamptz,
    removed boolean not null default false,              -- the file is gone
    error text,                                          -- why the file could not be read, the definition being older
    last_tick timestamptz not null default now(),        -- what became of every tick up to this one is decided
    synced_at timestamptz not null default now(),        -- when the file was last looked at
    active boolean not null generated always as
        (definition is not null and not removed and coalesce(override_enabled, enabled)) stored,
    check ((override_enabled is null) = (override_by is null))
);

-- The proof that a tick fires once, however many schedulers there are and whatever the clock does.
create table schedule_ticks (
    schedule text not null references schedules (name) on delete cascade,
    tick timestamptz not null,
    outcome text not null default 'queued'
        check (outcome in ('queued', 'fired', 'skipped_overlap', 'missed', 'failed')),
    start_at timestamptz not null,                       -- the tick and its jitter
    manual boolean not null default false,               -- asked for by somebody, not by the cron expression
    actor text not null,
    matrix_id uuid,                                      -- the matrix that it made
    reason text,                                         -- why it did not fire, or failed
    report jsonb,                                        -- what its chore did
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,                             -- when the chore was done, or the matrix made
    primary key (schedule, tick),
    check ((outcome = 'queued') = (finished_at is null))
);
create index schedule_ticks_queued on schedule_ticks (schedule, start_at) where outcome = 'queued';
