-- What searches of published results need: a mark that says whether anything changed, and spreads beside the means.

-- The mark of an answer (its ETag) is made of these. Raised by the transaction of the change, once and as the last thing it
-- does: whoever reads the mark first and the data then never keeps old data under a new mark, whichever process answers.
create table data_versions (
    scope text primary key check (scope in ('results', 'community')),
    version bigint not null default 1,
    changed_at timestamptz not null default now(),
    changed_by xid8 not null default pg_current_xact_id()
);
insert into data_versions (scope) values ('results'), ('community');

create function raise_data_version() returns trigger language plpgsql as $$
begin
    update data_versions set version = version + 1, changed_at = now(), changed_by = pg_current_xact_id()
    where scope = tg_argv[0] and changed_by <> pg_current_xact_id();
    return null;
end;
$$;

-- Deferred: the row is locked for the moment of the commit alone, and no order of statements can make two wait for each other.
create constraint trigger published_runs_changed
    after insert or delete or update of run_id, imported_from, status, failure_code, llm_id, llm_common_name,
        llm_parameter_size, model_slug, precision, inference_name, engine_version, image, gpu_id, gpu_key, gpu_count,
        server_type, suite_started_at, suite_ended_at, usd_per_hour, failures, ttft_ms, output_tokens_per_second,
        request_latency_s, usd_per_million_output_tokens, comparability, icon_url, created_at
    on published_runs deferrable initially deferred for each row execute function raise_data_version('results');
create constraint trigger published_results_changed after insert or delete or update
    on published_results deferrable initially deferred for each row execute function raise_data_version('results');
-- A run that ended before it had a result is shown too.
create constraint trigger workflow_runs_failed after update of status
    on workflow_runs deferrable initially deferred for each row
    when (new.status in ('failed', 'cancelled') or old.status in ('failed', 'cancelled'))
    execute function raise_data_version('results');
create constraint trigger workflow_runs_deleted after delete
    on workflow_runs deferrable initially deferred for each row
    when (old.status in ('failed', 'cancelled')) execute function raise_data_version('results');
create constraint trigger published_runs_voted after update of upvotes, comment_count
    on published_runs deferrable initially deferred for each row execute function raise_data_version('community');
create constraint trigger comments_changed after insert or delete or update
    on comments deferrable initially deferred for each row execute function raise_data_version('community');

-- Of the measured view (domain::explore::Spread); null: imported. Kept here so that lists needn't read whole summaries.
alter table published_results add column spread jsonb;

create function keep_spread() returns trigger language plpgsql as $$
begin
    select jsonb_build_object(
        'output_tokens_per_second', summary #> '{measured,output_tokens_per_second}',
        'percentiles', summary #> '{measured,percentiles}',
        'precision', summary #> '{precision,output_tokens_per_second}')
    into new.spread from benchmark_results where id = new.result_id;
    return new;
end;
$$;
create trigger published_results_spread before insert or update of result_id on published_results
    for each row when (new.result_id is not null) execute function keep_spread();

create index workflow_runs_ended_badly on workflow_runs (created_at) where status in ('failed', 'cancelled');
create index published_results_throughput on published_results (pod_id) include (inter_token_latency_ms)
    where benchmark_type = 'throughput';
