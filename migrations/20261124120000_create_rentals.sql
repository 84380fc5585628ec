-- What was rented, and for what price: one row a pod that a provider really made, kept when its run is forgotten.

create table rentals (
    id bigint generated always as identity primary key,
    run_id uuid references workflow_runs (id) on delete set null,
    pod text not null,                                   -- pods.name; a pod that is replaced has a row for each
    provider text not null check (provider in ('runpod', 'local', 'endpoint')),
    external_id text not null,                           -- the provider's id, which bills name too
    gpu_id text not null,
    gpu_count int not null check (gpu_count >= 0),
    data_center text,
    price_usd_per_hour numeric(12, 6) not null check (price_usd_per_hour >= 0),  -- of all its GPUs together
    started_at timestamptz not null default now(),       -- when the create was answered
    ended_at timestamptz,                                -- when it was seen to be gone
    billed_usd numeric(14, 6) check (billed_usd >= 0),   -- what the provider's bill says, once it says something
    reconciled_at timestamptz,
    unique (provider, external_id),
    check (ended_at >= started_at)
);
create index rentals_of_run on rentals (run_id);
create index rentals_by_time on rentals (started_at);
create index rentals_live on rentals (id) where ended_at is null;

-- What each run has cost until now, from create to terminate, US dollars.
create view run_spend as
select run_id,
       sum(price_usd_per_hour * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600) as usd
from rentals
where run_id is not null
group by run_id;
