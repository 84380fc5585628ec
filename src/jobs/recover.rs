//! Taking over at once from workers of this host whose process is dead, instead of waiting for their lease to run out.

use sqlx::PgPool;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::host::{process_of, worker_prefix};
use crate::store::{Error, tokens};

/// Ends the leases of dead workers among those whose processes we can see. Returns how many workers were found dead.
/// Should one be alive after all, its fence has it drop its work: safe, only wasteful.
///
/// # Errors
/// When the database fails.
pub async fn bury_dead_workers(pool: &PgPool) -> Result<usize, Error> {
    let prefix = worker_prefix();
    let mut conn = pool.acquire().await?;
    let mut buried = 0;
    for worker in tokens::workers_with_prefix(&mut conn, &prefix).await? {
        let Some(process) = process_of(&worker, &prefix) else { continue };
        if process != std::process::id() && !is_running(process) {
            tokens::bury_worker(&mut conn, &worker).await?;
            buried += 1;
        }
    }
    Ok(buried)
}

fn is_running(process: u32) -> bool {
    let pid = Pid::from_u32(process);
    // Where processes can't be read none is taken for dead.
    let Ok(mut system) = System::new() else { return true };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).is_some_and(|process| process.status() != sysinfo::ProcessStatus::Zombie)
}
