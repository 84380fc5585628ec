-- Who is told when something happens, and every message that was or is to be sent.

create table webhooks (
    id uuid primary key,
    url text not null check (url <> ''),
    events text[] not null check (cardinality(events) > 0
        and events <@ array['run.failed', 'matrix.done', 'price.drop', 'budget.hit']),
    secret text not null check (secret ~ '^whsec_'),      -- signs messages; told once, when it is made
    note text not null default '',                        -- whose it is, for people
    created_by text not null,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,                              -- no message is made for it; those that wait are dead
    disabled_reason text,
    check ((disabled_at is null) = (disabled_reason is null))
);

-- One message to one webhook, written in the transaction of what it tells of.
create table webhook_deliveries (
    id text primary key check (id ~ '^msg_[0-9a-f]{32}$'),  -- the same over all tries, so that a receiver knows it again
    webhook_id uuid not null references webhooks (id) on delete cascade,
    event text not null,
    body text not null,                                   -- the exact bytes that are sent and signed
    state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
    created_at timestamptz not null default now(),
    give_up_from timestamptz not null default now(),      -- tries go on for a while from here: when it was made, or asked for again
    attempts int not null default 0 check (attempts >= 0),
    next_at timestamptz not null default now(),           -- of a pending one: when it may be taken up; pushed on while it is being sent
    tried_at timestamptz,
    finished_at timestamptz,
    status int,                                           -- HTTP status of the last try; null: no answer
    error text,                                           -- why the last try failed
    answer text,                                          -- how the last answer began, at most 1 KiB
    check ((state = 'pending') = (finished_at is null))
);
create index webhook_deliveries_due on webhook_deliveries (next_at, id) where state = 'pending';
create index webhook_deliveries_of on webhook_deliveries (webhook_id, created_at, id);
create index webhook_deliveries_newest on webhook_deliveries (created_at, id);
