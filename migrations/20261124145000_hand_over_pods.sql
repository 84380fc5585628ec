-- A rented pod may serve the engines of a group one after another: each run has its row of the pod, and pays for its own
-- time.

alter table pods
    add column taken_from text,                          -- name under which another run had it; null: it was rented for this run
    add column restarts int not null default 0 check (restarts >= 0),  -- times its container was seen to come up again
    add column uptime_s double precision;                -- how long its container had been up when that was counted
create index pods_by_external_id on pods (provider, external_id) where state <> 'gone';

-- One pod of a provider's has a row for each run that had it.
alter table rentals drop constraint rentals_provider_external_id_key;
alter table rentals add constraint rentals_of_a_holder unique (provider, external_id, pod);
