//! How searches, lists and comparisons go through 100,000 results.

use super::App;
use crate::support::plans;

/// 2,000 runs that were measured here, beside those that were imported, with their results: copies of the one run there is.
const MEASURED: &str = "
    create temporary table template as select run_id as id, pod_id from published_runs where run_id is not null;
    create temporary table copies as select md5('run ' || n)::uuid as id, n from generate_series(0, 1999) n;
    insert into workflow_runs (id, kind, spec, definition, status, public_id, queue, created_at, started_at, finished_at)
        select c.id, r.kind, r.spec, r.definition, r.status, 'measured-' || n, r.queue,
               r.created_at - make_interval(mins => n), r.started_at, r.finished_at
        from template t join workflow_runs r using (id), copies c;
    insert into step_runs (run_id, step, name, status, job_key, output)
        select c.id, s.step, s.name, s.status, c.n || ' ' || s.step, s.output
        from template t join step_runs s on s.run_id = t.id, copies c;
    insert into benchmark_results (run_id, step, generation, benchmark_type, rate, benchmark_duration, total_requests,
            successful_requests, summary, records_sha256, started_at)
        select c.id, b.step, b.generation, b.benchmark_type, b.rate, b.benchmark_duration, b.total_requests,
               b.successful_requests, b.summary, b.records_sha256, b.started_at - make_interval(mins => n)
        from template t join benchmark_results b on b.run_id = t.id, copies c;
    insert into published_runs select (jsonb_populate_record(r, jsonb_build_object('pod_id', 'measured-' || n, 'run_id', c.id,
            'llm_common_name', 'Model-' || n % 40, 'gpu_id', 'GPU ' || n % 25,
            'created_at', r.created_at - make_interval(mins => n)))).*
        from template t join published_runs r using (pod_id), copies c;
    insert into published_results select (jsonb_populate_record(r, jsonb_build_object(
            'pod_id', 'measured-' || n, 'result_id', null))).*
        from template t join published_results r using (pod_id), copies c;";

#[tokio::test]
async fn runs_are_read_once_and_no_question_reads_all_results() {
    let app = App::new().await;
    let database = &app.bench.database;
    database.execute(plans::RUNS).await;
    database.execute(MEASURED).await;
    let tables = ["published_runs", "published_results", "workflow_runs", "step_runs", "benchmark_results"];
    plans::tidy(database, &tables).await;
    let run = format!("/api/v1/runs/{}", app.bench.run);
    let scans = plans::sequential_scans(
        database,
        &[
            "/api/v1/explore?tps_min=$n",
            "/api/v1/explore?text=model-3&gpu=GPU%201&sort=cost&ttft_min=$n",
            "/api/v1/explore?origin=measured&facets=false&limit=100&tps_min=$n",
            "/api/v1/compare?run=pod-7&run=pod-8&run=measured-$n",
            "/api/v1/frontier?model=Model-3&tps_min=$n",
            "/api/v1/trends?gpu=GPU%203&tps_min=$n",
            "/api/v1/results?format=csv&model=Model-3&tps_min=$n",
            "/api/v1/results/measured-$n",
            "/api/v1/results?limit=100",
            "/api/v1/results?rate=1&limit=20",
            "/api/v1/runs",
            "/api/v1/runs?engine=truth&status=succeeded",
            &run,
        ],
    )
    .await;
    // Searches work on a copy in memory: it is made once for this state of the data.
    assert_eq!(scans.get("published_runs"), Some(&1), "{scans:?}");
    for table in &tables[1..] {
        assert_eq!(scans.get(*table), None, "{table}: {scans:?}");
    }
}
