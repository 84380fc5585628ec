-- What clients of the API send with a request that they may send again, and word of new events for those who follow a run.

create table idempotency_keys (
    actor text not null,                                 -- `token:<name>`: two clients may choose the same key
    key text not null check (length(key) between 1 and 200),
    request_sha256 text not null check (request_sha256 ~ '^[0-9a-f]{64}$'),
    -- Checked at the end of the transaction: the key is taken before the run is recorded. It is forgotten with its run.
    run_id uuid not null references workflow_runs (id) on delete cascade deferrable initially deferred,
    created_at timestamptz not null default now(),
    primary key (actor, key)
);
create index idempotency_keys_of_run on idempotency_keys (run_id);

-- Sent when the transaction commits, and once for each run however many events it got.
create function notify_of_run_event() returns trigger language plpgsql as $$
begin
    perform pg_notify('run_events', new.run_id::text);
    return null;
end
$$;
create trigger run_events_notify after insert on run_events for each row execute function notify_of_run_event();
