//! `request_gates`: one pace of requests to a provider's account for all processes. At an even pace requests are due
//! `interval` apart; who comes after a pause may send some at once.

use sqlx::PgConnection;

use super::Error;

/// Takes the next turn at a gate: returns the seconds to wait before sending. Turns are `interval_s` apart, but up to
/// `burst` of them may be taken at once after a pause.
///
/// # Errors
/// When the database fails.
pub async fn turn(conn: &mut PgConnection, gate: &str, interval_s: f64, burst: f64) -> Result<f64, Error> {
    Ok(sqlx::query_scalar!(
        r#"insert into request_gates as g (name, next_at)
           values ($1, clock_timestamp() + make_interval(secs => $2))
           on conflict (name) do update set
               next_at = greatest(g.next_at, clock_timestamp()) + make_interval(secs => $2)
           returning greatest(0,
               extract(epoch from next_at - clock_timestamp())::float8 - $2 * $3,
               extract(epoch from not_before - clock_timestamp())::float8) as "wait_s!""#,
        gate,
        interval_s,
        burst
    )
    .fetch_one(conn)
    .await?)
}

/// Has everybody wait `wait_s` seconds: the provider asked for it.
///
/// # Errors
/// When the database fails.
pub async fn hold(conn: &mut PgConnection, gate: &str, wait_s: f64) -> Result<(), Error> {
    sqlx::query!(
        "insert into request_gates as g (name, next_at, not_before)
         values ($1, clock_timestamp(), clock_timestamp() + make_interval(secs => $2))
         on conflict (name) do update set not_before = greatest(g.not_before, excluded.not_before)",
        gate,
        wait_s
    )
    .execute(conn)
    .await?;
    Ok(())
}
