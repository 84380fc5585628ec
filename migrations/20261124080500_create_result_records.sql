-- The raw records a result was computed from, one block a result (domain::measure::raw). They go where it goes: while it
-- is superseded they are kept with it, when it is deleted they are.

create table result_records (
    result_id bigint primary key references benchmark_results (id) on delete cascade,
    records bytea not null check (length(records) > 0)
);
-- It is compressed already.
alter table result_records alter column records set storage external;
