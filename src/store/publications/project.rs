//! What readers see of a run that was measured here, made from the ledger.

use chrono::TimeDelta;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::{Origin, Published, PublishedCost, PublishedResult, PublishedRun, failures, upsert};
use crate::{
    domain::{
        catalog::Catalog,
        ids::RunId,
        kinds::ProviderKind,
        measure::summary::BenchmarkType,
        outputs::{Outputs, setup_times},
    },
    store::{
        Error,
        rentals::{self, Rental},
        results::{self, StoredResult},
        runs::{self, Run},
        steps,
    },
};

/// Writes what readers see of a run that is over, in the transaction that ended it or changed its cost. `None`: there
/// is no such run, it goes on, or it never had a result.
///
/// A run that is retried stays as it is published until it ends again.
///
/// # Errors
/// When the database fails.
pub async fn project(conn: &mut PgConnection, id: RunId) -> Result<Option<Published>, Error> {
    let Some(run) = runs::get(conn, id).await? else { return Ok(None) };
    let Some(pod_id) = run.public_id.clone().filter(|_| run.status.is_terminal()) else { return Ok(None) };
    let stored = results::list(conn, id).await?;
    if stored.is_empty() && super::get(conn, &pod_id).await?.is_none() {
        return Ok(None);
    }
    let (published, unpublished): (Vec<_>, Vec<_>) =
        stored.iter().map(|result| (result, published(result))).partition(|(_, row)| row.is_some());
    let rows: Vec<PublishedResult> = published.into_iter().filter_map(|(_, row)| row).collect();
    let unpublished: Vec<&StoredResult> = unpublished.into_iter().map(|(result, _)| result).collect();
    let outputs = steps::outputs(conn, id).await?;
    let outputs = Outputs::new(&outputs);
    let failures = failures::of(&steps::list(conn, id).await?, &unpublished);
    let rented = rentals::of_run(conn, id).await?;
    let told = outputs.provision().and_then(|provision| provision.price_usd_per_hour);
    let run = PublishedRun {
        failures,
        cost: cost(&run, told, &rented),
        ..described(&run, pod_id, outputs, &stored, &rows)
    };
    upsert(conn, &run, &rows).await.map(Some)
}

/// Writes what readers see of the runs that ended before this version, each in a transaction of its own. One that can't
/// be read is left out, and said in the log. Quick where there is none.
///
/// # Errors
/// When the database fails.
pub async fn catch_up(pool: &PgPool) -> Result<(), Error> {
    let mut conn = pool.acquire().await?;
    let runs = sqlx::query_scalar!(
        "select r.id from workflow_runs r
         where r.status in ('succeeded', 'failed', 'cancelled') and r.public_id is not null
           and not exists (select from published_runs p where p.run_id = r.id)
           and exists (select from benchmark_results b where b.run_id = r.id and b.superseded_at is null)
         order by r.created_at, r.id"
    )
    .fetch_all(&mut *conn)
    .await?;
    for id in runs.into_iter().map(RunId::from_uuid) {
        let mut tx = conn.begin().await?;
        match project(&mut tx, id).await {
            Ok(_) => tx.commit().await?,
            Err(Error::Unreadable { what, reason }) => {
                tracing::warn!(run = %id, what, reason, "a run of an earlier version can't be shown to readers");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The run by what its request, its steps and its results say; failures and cost apart.
fn described(
    run: &Run,
    pod_id: String,
    outputs: Outputs<'_>,
    stored: &[StoredResult],
    rows: &[PublishedResult],
) -> PublishedRun {
    let spec = &run.spec;
    let start = outputs.start_engine();
    let setup = setup_times(outputs, None);
    // Throughput is the last one, and what runs are compared by.
    let comparability = stored.iter().rev().find_map(|result| result.comparability.clone());
    let catalog = Catalog::embedded().ok();
    let gpu_id = comparability.as_ref().map_or(&spec.machine.gpu_id, |setup| &setup.gpu_id).clone();
    let url = start.as_ref().map(|start| &start.endpoint.base_url);
    PublishedRun {
        pod_id,
        origin: Origin::Measured(run.id),
        status: run.status,
        failure_code: run.error.as_ref().map(|error| error.code.clone()),
        llm_id: spec.model.id.clone(),
        llm_common_name: spec.model.common_name.clone(),
        llm_parameter_size: spec.model.parameter_size.to_lowercase(),
        model_slug: catalog
            .as_ref()
            .and_then(|catalog| catalog.model(&spec.model.id, spec.engine.kind).ok())
            .map(|model| model.common_name.clone()),
        precision: comparability
            .as_ref()
            .and_then(|setup| setup.precision.clone())
            .or_else(|| spec.engine.precision.clone()),
        inference_name: spec.engine.kind.published_name().to_owned(),
        engine_version: start.as_ref().and_then(|start| start.version.clone()),
        image: outputs.provision().and_then(|provision| provision.image),
        gpu_key: catalog.as_ref().and_then(|catalog| catalog.gpu(&gpu_id).ok()).map(|gpu| gpu.id.clone()),
        gpu_id,
        gpu_count: whole(spec.machine.gpu_count),
        server_type: server_type(spec.machine.provider).to_owned(),
        pod_url: url.map(|url| url.as_str().trim_end_matches('/').to_owned()).unwrap_or_default(),
        port: url
            .and_then(url::Url::port_or_known_default)
            .or(spec.machine.port)
            .map(i32::from)
            .unwrap_or_default(),
        volume_in_gb: whole(spec.machine.volume_in_gb),
        container_disk_in_gb: whole(spec.machine.container_disk_in_gb),
        server_start_s: setup.server_setup_s.and_then(seconds),
        model_download_s: setup.model_download_s.and_then(seconds),
        cost: None,
        // Their own times, so that a run that was paused or retried doesn't seem to have taken days.
        benchmark_duration_s: (!rows.is_empty()).then(|| rows.iter().map(|row| row.benchmark_duration).sum()),
        suite_started_at: stored.iter().map(|result| result.started_at).min(),
        suite_ended_at: rows.iter().map(|row| row.measured_at).max(),
        failures: Vec::new(),
        comparability,
        icon_url: None,
        created_at: run.created_at,
    }
}

/// A result with all of its means; `None`: readers can't show it.
fn published(stored: &StoredResult) -> Option<PublishedResult> {
    let columns = &stored.summary.compat;
    let count = |value: u64| i64::try_from(value).ok();
    if columns.successful_requests == 0 || columns.benchmark_type == BenchmarkType::Rate {
        return None;
    }
    let micros = (columns.benchmark_duration * 1e6).round().to_i64()?;
    Some(PublishedResult {
        benchmark_type: columns.benchmark_type,
        rate: columns.rate.map(whole),
        result_id: Some(stored.id),
        max_number: columns.max_number.and_then(count),
        warmup_number: columns.warmup_number.and_then(count),
        benchmark_duration: columns.benchmark_duration,
        total_requests: count(columns.total_requests)?,
        successful_requests: count(columns.successful_requests)?,
        requests_per_second: columns.requests_per_second?,
        request_concurrency: columns.request_concurrency?,
        request_latency: columns.request_latency?,
        prompt_token_count: columns.prompt_token_count?,
        output_token_count: columns.output_token_count?,
        time_to_first_token_ms: columns.time_to_first_token_ms?,
        time_per_output_token_ms: columns.time_per_output_token_ms?,
        inter_token_latency_ms: columns.inter_token_latency_ms?,
        output_tokens_per_second: columns.output_tokens_per_second?,
        tokens_per_second: columns.tokens_per_second?,
        measured_at: stored.started_at + TimeDelta::microseconds(micros),
    })
}

/// What its machines cost: the price and the hours whose product is what was paid. A run whose machines were not
/// recorded as rented (an earlier version's) was charged for its life. `None`: nobody told a price.
fn cost(run: &Run, told: Option<Decimal>, rented: &[Rental]) -> Option<PublishedCost> {
    let spans = rented.iter().map(|rental| (rental.price_usd_per_hour, rental.until - rental.started_at));
    let spans: Vec<(Decimal, i64)> = spans.map(|(price, time)| (price, time.num_seconds().max(0))).collect();
    let Some((last, _)) = spans.last().copied() else {
        let life = run.finished_at? - run.started_at?;
        return Some(PublishedCost {
            usd_per_hour: told?,
            uptime_s: i32::try_from(life.num_seconds()).ok()?,
        });
    };
    let uptime: i64 = spans.iter().map(|(_, seconds)| seconds).sum();
    let usd_per_hour = if spans.iter().all(|(price, _)| *price == last) || uptime == 0 {
        last
    } else {
        let paid: Decimal = spans.iter().map(|(price, seconds)| price * Decimal::from(*seconds)).sum();
        (paid / Decimal::from(uptime)).round_dp(6)
    };
    // 0 says that the provider told none.
    let usd_per_hour = Some(usd_per_hour).filter(|price| !price.is_zero()).or(told)?;
    Some(PublishedCost { usd_per_hour, uptime_s: i32::try_from(uptime).ok()? })
}

/// The name that readers know a provider by.
const fn server_type(provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::Runpod => "Runpod",
        ProviderKind::Local | ProviderKind::Endpoint => provider.as_str(),
    }
}

fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn seconds(seconds: f64) -> Option<i32> {
    seconds.round().to_i32().filter(|seconds| *seconds >= 0)
}
