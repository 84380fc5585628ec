-- What may be spent, by when a rented pod must be gone, and how often a provider may be asked.

-- The run's own cap, US dollars over all its pods and generations; null: what the settings say.
alter table workflow_runs add column budget_usd numeric(12, 6) check (budget_usd > 0);

alter table pods
    add column deadline timestamptz,                     -- destroyed after that, whoever owns it
    add column reserved_usd numeric(12, 6) check (reserved_usd >= 0);  -- the least it will cost, held back from the day

-- The price that was told last, where it isn't the one the pod was rented for. Costs go by the first.
alter table rentals add column price_now_usd_per_hour numeric(12, 6) check (price_now_usd_per_hour >= 0);
create index rentals_of_pod on rentals (pod);
create index rentals_by_end on rentals (ended_at);

-- Requests to a provider's account are counted there over all our processes, and so here.
create table request_gates (
    name text primary key,                               -- the provider
    next_at timestamptz not null,                        -- when the next request would be due at an even pace
    not_before timestamptz not null default 'epoch'      -- what the provider told everybody to wait for
);
