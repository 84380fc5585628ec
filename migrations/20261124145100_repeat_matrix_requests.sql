-- A request for a matrix may be sent again with its key, as one for a run may.
alter table idempotency_keys
    alter column run_id drop not null,
    add column matrix_id uuid references matrices (id) on delete cascade deferrable initially deferred,
    add constraint idempotency_keys_of_one check (num_nonnulls(run_id, matrix_id) = 1);
create index idempotency_keys_of_matrix on idempotency_keys (matrix_id) where matrix_id is not null;
