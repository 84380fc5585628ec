-- Who may steer runs over HTTP, what was steered by whom, and pods held for a look after a failure.

create table api_tokens (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    role text not null check (role in ('viewer', 'operator', 'admin')),
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),  -- of the token; the token itself is nowhere
    created_at timestamptz not null default now(),
    created_by text not null,
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz
);
create unique index api_tokens_name on api_tokens (name) where revoked_at is null;

-- Append-only: written in the transaction of what it tells of.
create table audit_log (
    id bigint generated always as identity primary key,
    ts timestamptz not null default clock_timestamp(),
    actor text not null,                                 -- `cli:<user>`, `token:<name>`
    role text check (role in ('viewer', 'operator', 'admin')),
    action text not null,                                -- `run.cancel`, `token.create`, …
    target text not null,                                -- the run's id, the token's name
    detail jsonb not null default '{}',
    request_id text
);
create index audit_log_of_target on audit_log (target, id);

-- Minutes that teardown waits after a failure, so that somebody can look at the machine.
alter table workflow_runs add column hold_on_failure_min int check (hold_on_failure_min between 1 and 1440);
