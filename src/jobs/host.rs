//! Which host this is: what local runs are queued for, and what a worker's name starts with.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{ledger::matrices::LocalHost, provider::host_facts, queue::local_queue};

/// This host, for a matrix that runs on it. Blocking: it reads `/proc` and may start `nvidia-smi`.
#[must_use]
pub fn local_host(data_dir: &Path) -> LocalHost {
    LocalHost { queue: local_queue(&host_id()), facts: host_facts(data_dir) }
}

/// A short id of this host, the same after a restart: 12 hex digits of its machine id, or of its name where it has none.
#[must_use]
pub fn host_id() -> String {
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .find_map(|file| std::fs::read(file).ok().filter(|id| !id.is_empty()))
        .unwrap_or_else(|| sysinfo::System::host_name().unwrap_or_default().into_bytes());
    short_hash(&id)
}

/// What a worker's name starts with: the host, and the set of processes that this one can see (on Linux, the namespace
/// of process ids). Two containers may share a host and yet not see each other's processes.
#[must_use]
pub fn worker_prefix() -> String {
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}-{}-", host_id(), short_hash(namespace.as_os_str().as_encoded_bytes()))
}

/// A name no other start of any worker has: apalis never gives a dead worker's jobs back to one of the same name.
#[must_use]
pub fn worker_name() -> String {
    format!("{}{}-{}", worker_prefix(), std::process::id(), ulid::Ulid::generate())
}

/// The process id in a worker's name, if it has this prefix.
#[must_use]
pub fn process_of(worker: &str, prefix: &str) -> Option<u32> {
    worker.strip_prefix(prefix)?.split('-').next()?.parse().ok()
}

fn short_hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_name_tells_its_process_to_those_who_can_see_it() {
        let name = worker_name();
        assert_eq!(process_of(&name, &worker_prefix()), Some(std::process::id()));
        assert_eq!(process_of(&name, "ffffffffffff-ffffffffffff-"), None);
        assert_ne!(name, worker_name(), "two starts have two names");
    }

    #[test]
    fn a_host_keeps_its_id() {
        assert_eq!(host_id(), host_id());
        assert_eq!(host_id().len(), 12);
    }
}
