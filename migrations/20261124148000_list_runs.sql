-- The original paths list runs with a throughput result, newest first, by what they measured and where. `listed` below is
-- how their queries say it, word for word, so that these indexes are used.

create index published_runs_listed on published_runs (created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);
create index published_runs_listed_by_model on published_runs (llm_common_name, created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);
create index published_runs_listed_by_engine on published_runs (inference_name, created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);
create index published_runs_listed_by_size on published_runs (llm_parameter_size, created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);
create index published_runs_listed_by_gpu on published_runs (gpu_id, created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);
create index published_runs_listed_by_server on published_runs (server_type, created_at desc, pod_id desc)
    where 'throughput' = any (benchmark_types);

-- A file of one benchmark has few of the 17 numbers, so no row of published_results is made of it: what readers ask for
-- and published_runs has no column for is here. A copy elsewhere needs all 17, and is not made.
create table imported_summaries (
    pod_id text primary key references published_runs (pod_id) on delete cascade,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),                  -- of what was read: the same again changes nothing
    prompt_token_count double precision,
    output_token_count double precision,
    total_requests bigint check (total_requests >= 0)
);
-- Such a file, and an older document, may know what a machine costs an hour and not for how long it was there.
alter table published_runs drop constraint published_runs_check;
alter table published_runs add constraint published_runs_cost_together check (
    imported_from is not null
    or ((usd_per_hour is null) = (uptime_s is null) and (usd_per_hour is null) = (used_usd is null)));
