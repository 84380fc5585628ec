//! Which processes of this machine belong to an engine, and how they are ended.
//!
//! An engine's processes are found by the name in their environment, which they inherit: even when the worker died
//! between starting one and writing down its pid. Children that overwrote their environment are found by their
//! process group or their parent. A pid alone proves nothing: it is compared with its start time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nix::{
    errno::Errno,
    sys::signal::{self, Signal},
    unistd::{self, Pid},
};
use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use super::files::Record;
use crate::domain::failure::Failure;

/// The environment variable that names the pod a process belongs to.
pub(super) const NAME_VARIABLE: &str = "DRIA_BENCH_POD";
/// The environment variable with the port its engine was given.
pub(super) const PORT_VARIABLE: &str = "DRIA_BENCH_POD_PORT";
/// Start times are computed from the boot time, which a corrected clock moves. Pids aren't reused so fast.
const START_TIME_SLACK_S: u64 = 2;

/// A process that isn't a zombie.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) start_time: u64,
    parent: Option<u32>,
    group: Option<u32>,
    pub(super) name: Option<String>,
    pub(super) port: Option<u16>,
}

impl Process {
    pub(super) fn external_id(&self) -> String {
        format!("{}:{}", self.pid, self.start_time)
    }

    fn started_at(&self, start_time: u64) -> bool {
        self.start_time.abs_diff(start_time) <= START_TIME_SLACK_S
    }
}

/// `pid:start_time`, or `None` when it is neither.
pub(super) fn parse_external_id(text: &str) -> Option<(u32, u64)> {
    let (pid, start_time) = text.split_once(':')?;
    Some((pid.parse().ok()?, start_time.parse().ok()?))
}

/// All processes of the machine but this one, at one moment.
pub(super) struct Snapshot {
    processes: HashMap<u32, Process>,
    own_group: Option<u32>,
}

impl Snapshot {
    /// Reads the process table. Blocking, some milliseconds.
    ///
    /// # Errors
    /// When the process table can't be read.
    pub(super) fn take() -> Result<Self, Failure> {
        let mut system = System::new().map_err(|error| {
            Failure::transient("host_error", format!("the process table can't be read: {error}"))
        })?;
        let what = ProcessRefreshKind::nothing().without_tasks().with_environ(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let own_pid = std::process::id();
        let processes = system
            .processes()
            .values()
            .filter(|process| !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead))
            .filter(|process| process.pid().as_u32() != own_pid && process.thread_kind().is_none())
            .map(|process| {
                let pid = process.pid().as_u32();
                let variable = |name: &str| {
                    process.environ().iter().find_map(|pair| {
                        pair.to_str()?.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
                    })
                };
                let found = Process {
                    pid,
                    start_time: process.start_time(),
                    parent: process.parent().map(sysinfo::Pid::as_u32),
                    group: group_of(pid),
                    name: variable(NAME_VARIABLE),
                    port: variable(PORT_VARIABLE).and_then(|port| port.parse().ok()),
                };
                (pid, found)
            })
            .collect();
        Ok(Self { processes, own_group: group_of(own_pid) })
    }

    /// The process of this pid, when it started then.
    pub(super) fn get(&self, pid: u32, start_time: u64) -> Option<&Process> {
        self.processes.get(&pid).filter(|process| process.started_at(start_time))
    }

    /// When the process of this pid started.
    pub(super) fn start_time(&self, pid: u32) -> Option<u64> {
        self.processes.get(&pid).map(|process| process.start_time)
    }

    pub(super) fn has_pid(&self, pid: u32) -> bool {
        self.processes.contains_key(&pid)
    }

    /// The engine's first process: the one written down, else (the worker died before it wrote) the group leader
    /// that carries the name and whose parent doesn't.
    pub(super) fn leader(&self, name: &str, record: Option<&Record>) -> Option<&Process> {
        if let Some(record) = record {
            return self
                .get(record.pid, record.start_time)
                .filter(|process| process.name.as_deref().is_none_or(|found| found == name));
        }
        let named = |process: &Process| process.name.as_deref() == Some(name);
        self.processes
            .values()
            .filter(|process| named(process) && process.group == Some(process.pid))
            .filter(|process| {
                !process.parent.and_then(|parent| self.processes.get(&parent)).is_some_and(named)
            })
            .min_by_key(|process| (process.start_time, process.pid))
    }

    /// Everything of the engine that is alive.
    pub(super) fn members(&self, name: &str, record: Option<&Record>) -> Vec<&Process> {
        let mut members: BTreeSet<u32> = self
            .processes
            .values()
            .filter(|process| process.name.as_deref() == Some(name))
            .map(|process| process.pid)
            .collect();
        members.extend(self.leader(name, record).map(|leader| leader.pid));
        let mut groups: BTreeSet<u32> = self.owned_groups(&members);
        // The leader died, but not its group: as long as no other process has its pid, the group is still that one.
        groups.extend(record.map(|record| record.pid).filter(|pid| !self.has_pid(*pid)));
        loop {
            let before = members.len();
            for process in self.processes.values().filter(|process| process.pid > 1) {
                let by_group = process.group.is_some_and(|group| groups.contains(&group));
                let by_parent = process.parent.is_some_and(|parent| members.contains(&parent));
                let anothers = process.name.as_deref().is_some_and(|other| other != name);
                if (by_group || by_parent) && !anothers {
                    members.insert(process.pid);
                }
            }
            if members.len() == before {
                return members.iter().filter_map(|pid| self.processes.get(pid)).collect();
            }
            groups.extend(self.owned_groups(&members));
        }
    }

    /// Process groups led by one of these. Never our own.
    fn owned_groups(&self, members: &BTreeSet<u32>) -> BTreeSet<u32> {
        members
            .iter()
            .filter_map(|pid| self.processes.get(pid)?.group)
            .filter(|group| members.contains(group) && Some(*group) != self.own_group)
            .collect()
    }

    /// Sends the signal to the engine's groups and to each of its processes outside of them.
    ///
    /// # Errors
    /// `engine_not_stopped` when the system doesn't let us.
    pub(super) fn signal(&self, members: &[&Process], signal: Signal) -> Result<(), Failure> {
        let pids: BTreeSet<u32> = members.iter().map(|process| process.pid).collect();
        let groups = self.owned_groups(&pids);
        let by_group = groups.iter().map(|group| (signal::killpg as fn(Pid, Option<Signal>) -> _, *group));
        let alone = members
            .iter()
            .filter(|process| !process.group.is_some_and(|group| groups.contains(&group)))
            .map(|process| (signal::kill as fn(Pid, Option<Signal>) -> _, process.pid));
        for (send, target) in by_group.chain(alone) {
            let Ok(pid) = i32::try_from(target) else { continue };
            match send(Pid::from_raw(pid), Some(signal)) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => {
                    return Err(Failure::transient(
                        "engine_not_stopped",
                        format!(
                            "process {pid} can't be signalled: {error}. Stop it by hand or run as its user"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Engines whose name starts so, with their first process.
    pub(super) fn named(&self, prefix: &str) -> BTreeMap<String, &Process> {
        let names: BTreeSet<&str> = self
            .processes
            .values()
            .filter_map(|process| process.name.as_deref())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names
            .into_iter()
            .filter_map(|name| {
                let first = self.leader(name, None).or_else(|| self.members(name, None).first().copied())?;
                Some((name.to_owned(), first))
            })
            .collect()
    }
}

fn group_of(pid: u32) -> Option<u32> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    unistd::getpgid(Some(pid)).ok().and_then(|group| u32::try_from(group.as_raw()).ok())
}
