//! What must hold of the ledger at any time, whatever was killed: `dria-bench doctor --invariants` asks, and so does
//! each test that breaks something on purpose. It only reads.

use serde::Serialize;
use sqlx::PgConnection;

use super::Error;

/// A promise, and the rows that break it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// What is promised: `no step has two results`.
    pub promise: &'static str,
    /// What breaks it: runs, steps and pods by their names. Empty: it holds.
    pub broken_by: Vec<String>,
}

/// Rows that are named at most, of each promise.
const NAMED: usize = 100;

/// Promises by the key that their rows come under.
const PROMISES: [(&str, &str); 13] = [
    ("stuck", "no run is stuck: one that isn't over has a step that waits or runs"),
    ("unsettled", "no step of a run that is over waits or runs"),
    ("doubled", "no step has two results"),
    ("missing", "each level of a run that succeeded has its result"),
    (
        "unpublished",
        "what readers see of a run that is over is what was measured, and is sent or waits to be",
    ),
    ("pod", "each pod of a run that is over is gone"),
    ("teardown", "each run that is over was torn down"),
    ("open", "each try ended, but the one of a step that runs"),
    ("repeated", "no level was measured twice in a generation"),
    ("paid", "nothing is paid for of a run that is over, or of a pod that is gone"),
    ("unpaid", "each pod that a provider made has its row of what it costs"),
    ("shared", "no two runs pay for the same pod at the same time"),
    ("spend", "what a run's steps cost is no more than what was paid for it, step by step"),
];

/// Checks every promise. Runs that go on don't break any.
///
/// # Errors
/// When the database fails.
pub async fn check(conn: &mut PgConnection) -> Result<Vec<Invariant>, Error> {
    let rows = sqlx::query!(
        r#"with over as (select * from workflow_runs where status in ('succeeded', 'failed', 'cancelled'))
        select 'stuck' as "key!", r.id::text as "which!" from workflow_runs r
        where r.status in ('pending', 'running')
          and not exists (select 1 from step_runs s where s.run_id = r.id and s.status in ('scheduled', 'running'))
        union all
        select 'unsettled', r.id || ' ' || s.name from over r join step_runs s on s.run_id = r.id
        where s.status in ('scheduled', 'running')
        union all
        select 'doubled', run_id || ' step ' || step from benchmark_results where superseded_at is null
        group by run_id, step having count(*) > 1
        union all
        select 'missing', r.id || ' ' || (d ->> 'kind')
        from over r, jsonb_array_elements(r.definition -> 'steps') d
        where r.status = 'succeeded' and (d ->> 'kind' = 'throughput' or d ->> 'kind' like 'concurrency:%')
          and not exists (select 1 from step_runs s join benchmark_results b on b.run_id = s.run_id and b.step = s.step
                          where s.run_id = r.id and s.name = d ->> 'kind' and s.status = 'done'
                            and b.superseded_at is null)
        union all
        select 'unpublished', r.id || ' ' || coalesce('rate ' || b.rate, b.benchmark_type)
        from over r join benchmark_results b on b.run_id = r.id and b.superseded_at is null
        left join published_results p on p.result_id = b.id
        where b.successful_requests > 0 and b.time_per_output_token_ms is not null
          and b.inter_token_latency_ms is not null
          and (p.benchmark_type, p.rate, p.total_requests, p.successful_requests, p.requests_per_second,
               p.request_latency, p.time_to_first_token_ms, p.output_tokens_per_second, p.tokens_per_second)
              is distinct from
              (b.benchmark_type, b.rate, b.total_requests, b.successful_requests, b.requests_per_second,
               b.request_latency, b.time_to_first_token_ms, b.output_tokens_per_second, b.tokens_per_second)
        union all
        select 'unpublished', r.id || ' has a result that was superseded'
        from over r join published_runs p on p.run_id = r.id join published_results q using (pod_id)
        left join benchmark_results b on b.id = q.result_id and b.superseded_at is null
        where b.id is null
        union all
        select 'unpublished', r.id || ' is not in the outbox'
        from over r join published_runs p on p.run_id = r.id
        where not exists (select 1 from outbox o where o.aggregate = 'run' and o.aggregate_id = p.pod_id
                            and o.version >= p.version)
        union all
        select 'pod', p.name || ' (' || p.state || ')' from over r join pods p on p.run_id = r.id where p.state <> 'gone'
        union all
        select 'teardown', r.id::text from over r
        where not exists (select 1 from step_runs s where s.run_id = r.id and s.name = 'teardown' and s.status = 'done')
        union all
        select 'open', a.run_id || ' ' || a.name || ' fence ' || a.fence from step_attempts a
        left join step_runs s on s.run_id = a.run_id and s.step = a.step
        where a.outcome is null and not coalesce(s.status = 'running' and s.fence = a.fence, false)
        union all
        select 'repeated', run_id || ' ' || name || ' generation ' || generation from step_attempts
        where outcome = 'done' and (name = 'throughput' or name like 'concurrency:%')
        group by run_id, name, generation having count(*) > 1
        union all
        select 'paid', l.pod || ' (' || l.external_id || ')' from rentals l
        left join over r on r.id = l.run_id left join pods p on p.name = l.pod
        where l.ended_at is null and (r.id is not null or p.state = 'gone')
        union all
        select 'unpaid', p.name || ' (' || p.external_id || ')' from pods p
        where p.provider = 'runpod' and p.external_id is not null
          and p.deadline is not null
          and not exists (select from rentals l where l.provider = p.provider and l.external_id = p.external_id)
        union all
        select 'shared', a.pod || ' and ' || b.pod || ' (' || a.external_id || ')' from rentals a
        join rentals b on b.provider = a.provider and b.external_id = a.external_id and b.id > a.id
        where b.started_at < coalesce(a.ended_at, 'infinity') and a.started_at < coalesce(b.ended_at, 'infinity')
        union all
        select 'spend', l.pod || ' (' || l.external_id || ')' from rentals l join step_attempts a on a.run_id = l.run_id
        where a.started_at < l.ended_at and a.finished_at > l.started_at
        group by l.id
        having sum(extract(epoch from least(a.finished_at, l.ended_at) - greatest(a.started_at, l.started_at)))
             > extract(epoch from l.ended_at - l.started_at) + count(*)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(PROMISES
        .into_iter()
        .map(|(key, promise)| {
            let broken_by = rows.iter().filter(|row| row.key == key).map(|row| row.which.clone());
            Invariant { promise, broken_by: broken_by.take(NAMED).collect() }
        })
        .collect())
}
