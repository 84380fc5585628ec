//! A long history: one run that was really worked, copied row by row as often as is asked for.

use std::time::Duration;

use dria_bench::truth::{self, Settings};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::net::TcpListener;

use super::steps::{self, Workers};

/// Runs copied in one transaction.
const BATCH: i64 = 10_000;

/// Writes so many finished runs, with their steps, tries, events, jobs, pods, results and what is to be published.
/// Returns how many steps they have, and the size of the database in bytes.
pub(crate) async fn write(pool: &PgPool, workers: &Workers, runs: i64) -> anyhow::Result<(i64, i64)> {
    let settings =
        Settings { ttft: Duration::from_millis(5), itl: Duration::from_millis(1), ..Settings::default() };
    let engine = truth::serve(settings, TcpListener::bind("127.0.0.1:0").await?).await?;
    let worker = workers.ready(pool, 1).await?;
    let run = steps::start(pool, &steps::spec(&engine.url()), &steps::workflow("smoke")?).await?;
    steps::all_over(pool, &[run]).await?;
    drop(worker);
    sqlx::raw_sql(AssertSqlSafe(format!("create table template as select '{run}'::uuid as id")))
        .execute(pool)
        .await?;
    let mut written = 0;
    while written < runs {
        let until = (written + BATCH).min(runs);
        let copy = COPY.replace("$first", &(written + 1).to_string()).replace("$last", &until.to_string());
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(pool).await?;
        written = until;
        eprintln!("{written} of {runs}");
    }
    // What autovacuum and the checkpointer would come to do in the middle of a measurement.
    for tidy in ["drop table template", "vacuum analyze", "checkpoint"] {
        sqlx::raw_sql(tidy).execute(pool).await?;
    }
    let steps = sqlx::query_scalar("select count(*) from step_runs").fetch_one(pool).await?;
    let bytes = sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(pool).await?;
    Ok((steps, bytes))
}

/// Copies the template's rows for each number from `$first` to `$last`. A copy's id, and the ids of its jobs, follow from
/// its number.
const COPY: &str = "
    begin;
    create temporary table copies on commit drop as
        select t.id as template, md5('run ' || n)::uuid as id, n from template t, generate_series($first, $last) n;
    insert into workflow_runs (id, kind, spec, definition, status, public_id, queue, priority, created_at, started_at,
            finished_at)
        select c.id, r.kind, r.spec, r.definition, r.status, c.id::text, r.queue, r.priority,
               r.created_at - make_interval(mins => c.n), r.started_at - make_interval(mins => c.n),
               r.finished_at - make_interval(mins => c.n)
        from copies c join workflow_runs r on r.id = c.template;
    insert into step_runs (run_id, step, name, status, attempt, losses, fence, job_key, worker, heartbeat_at, run_after,
            progress, output, timings, scheduled_at, started_at, finished_at)
        select c.id, s.step, s.name, s.status, s.attempt, s.losses, s.fence, upper(substr(md5(c.n || ' ' || s.step), 1, 26)),
               s.worker, s.heartbeat_at, s.run_after, s.progress, s.output, s.timings, s.scheduled_at, s.started_at,
               s.finished_at
        from copies c join step_runs s on s.run_id = c.template;
    insert into step_attempts (run_id, step, name, generation, attempt, fence, worker, started_at, finished_at, outcome)
        select c.id, a.step, a.name, a.generation, a.attempt, a.fence, a.worker, a.started_at, a.finished_at, a.outcome
        from copies c join step_attempts a on a.run_id = c.template;
    insert into run_events (run_id, ts, kind, step, actor, data)
        select c.id, e.ts, e.kind, e.step, e.actor, e.data
        from copies c join run_events e on e.run_id = c.template;
    insert into apalis.jobs (job, id, job_type, status, attempts, max_attempts, run_at, last_result, lock_at, lock_by,
            done_at, priority, metadata)
        select j.job, upper(substr(md5(c.n || ' ' || s.step), 1, 26)), j.job_type, j.status, j.attempts, j.max_attempts,
               j.run_at - make_interval(mins => c.n), j.last_result, j.lock_at - make_interval(mins => c.n), j.lock_by,
               j.done_at - make_interval(mins => c.n), j.priority, j.metadata
        from copies c join step_runs s on s.run_id = c.template join apalis.jobs j on j.id = s.job_key;
    insert into pods (run_id, generation, provider, name, external_id, state, created_at, gone_at)
        select c.id, p.generation, p.provider, p.name || '-' || c.n, p.external_id, p.state, p.created_at, p.gone_at
        from copies c join pods p on p.run_id = c.template;
    insert into benchmark_results (run_id, step, generation, benchmark_type, rate, benchmark_duration, total_requests,
            successful_requests, summary, records_sha256, started_at)
        select c.id, b.step, b.generation, b.benchmark_type, b.rate, b.benchmark_duration, b.total_requests,
               b.successful_requests, b.summary, b.records_sha256, b.started_at
        from copies c join benchmark_results b on b.run_id = c.template;
    insert into published_runs
        select (jsonb_populate_record(p, jsonb_build_object('pod_id', c.id::text, 'run_id', c.id))).*
        from copies c join published_runs p on p.run_id = c.template;
    insert into published_results
        select (jsonb_populate_record(q, jsonb_build_object('pod_id', c.id::text, 'result_id', b.id))).*
        from copies c join published_runs p on p.run_id = c.template join published_results q on q.pod_id = p.pod_id
        left join benchmark_results b on b.run_id = c.id and b.rate is not distinct from q.rate
            and b.benchmark_type = q.benchmark_type;
    insert into outbox (aggregate, aggregate_id, version, queued_at, sent_at)
        select 'run', c.id::text, 1, now(), now() from copies c;
    commit;";
