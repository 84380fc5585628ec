//! Is the process that `postmaster.pid` names alive, and is it the server of this cluster?
//!
//! PostgreSQL itself only asks whether some process has that number. After a crash or a reboot another program may
//! have it, and PostgreSQL would refuse to start until somebody removes the file by hand.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::{Error, cluster::Cluster};

/// What `postmaster.pid` says: <https://www.postgresql.org/docs/current/storage-file-layout.html>.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pid: u32,
    pub(super) port: u16,
}

/// What `postmaster.pid` says, if the process it names is alive and is this cluster's server.
pub(super) fn running(cluster: &Cluster) -> Option<PidFile> {
    let text = fs::read_to_string(cluster.data().join("postmaster.pid")).ok()?;
    let file = parse_pid_file(&text)?;
    is_our_server(cluster, file.pid).then_some(file)
}

/// Removes a `postmaster.pid` whose number another program has by now: PostgreSQL itself would refuse to start.
pub(super) fn remove_recycled_pid_file(cluster: &Cluster) -> Result<(), Error> {
    let path = cluster.data().join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let pid: Option<u32> = text.lines().next().and_then(|line| line.trim().parse().ok());
    match pid {
        Some(pid) if is_our_server(cluster, pid) => Ok(()),
        _ => fs::remove_file(&path).map_err(Error::folder(&path, "removed")),
    }
}

/// Whether this process is a PostgreSQL server working in our folder (its working directory is the cluster).
fn is_our_server(cluster: &Cluster, pid: u32) -> bool {
    let pid = Pid::from_u32(pid);
    // Where processes can't be looked at, what we started is all there is to believe in.
    let Ok(mut system) = System::new() else { return true };
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        true,
        ProcessRefreshKind::nothing().with_cwd(UpdateKind::Always).with_user(UpdateKind::Always),
    );
    let Some(process) = system.process(pid) else { return false };
    let named = matches!(process.name().to_str(), Some("postgres" | "postmaster"));
    let ended = matches!(process.status(), sysinfo::ProcessStatus::Zombie | sysinfo::ProcessStatus::Dead);
    // After a reboot the number may be the system's own PostgreSQL's: another user's, whose working directory we may
    // not be allowed to see.
    let owner = fs::metadata(cluster.data()).map(|meta| meta.uid());
    let same_user = match (process.effective_user_id(), owner) {
        (Some(user), Ok(owner)) => **user == owner,
        _ => true,
    };
    named && !ended && same_user && process.cwd().is_none_or(|cwd| same_folder(cwd, &cluster.data()))
}

pub(super) fn same_folder(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// Line 1 is the pid, line 4 the port; the file is written in steps, so a young one may lack the port.
fn parse_pid_file(text: &str) -> Option<PidFile> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let port = lines.nth(2)?.trim().parse().ok()?;
    Some(PidFile { pid, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_gives_pid_and_port_and_a_young_one_gives_nothing() {
        let whole = "4711\n/data/postgres/data\n1795000000\n40123\n\n127.0.0.1\n  1234 5\nready   \n";
        assert_eq!(parse_pid_file(whole), Some(PidFile { pid: 4711, port: 40123 }));
        assert_eq!(parse_pid_file("4711\n/data\n1795000000\n"), None);
        assert_eq!(parse_pid_file(""), None);
    }
}
