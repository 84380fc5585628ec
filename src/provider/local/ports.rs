//! Ports of this machine: a free one, and who holds one that is taken.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
};

use crate::domain::failure::Failure;

/// The port given, when it is free; without one, one that is free now. (Another process may still be faster: the
/// engine then says so and exits.)
///
/// # Errors
/// `port_taken`, with who holds it where that can be seen.
pub(super) fn choose(given: Option<u16>) -> Result<u16, Failure> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, given.unwrap_or(0)))
        .and_then(|listener| listener.local_addr())
    {
        Ok(address) => Ok(address.port()),
        Err(error) => Err(match given {
            Some(port) => {
                let holder =
                    holder(port).map_or_else(|| error.to_string(), |holder| format!("held by {holder}"));
                Failure::permanent(
                    "port_taken",
                    format!(
                        "port {port} can't be used ({holder}): stop what uses it, or give another port or none"
                    ),
                )
            }
            None => Failure::transient("host_error", format!("this host gives no free port: {error}")),
        }),
    }
}

/// The process that listens on the port, as `name (pid 123)`. Linux only; others' processes are seen only as root.
fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(|fd| {
            fs::read_link(fd.path())
                .is_ok_and(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
        });
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("{} (pid {pid})", name.trim()))
    })
}

/// Socket inodes of the table's lines that listen (state 0A) on the port.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            (local.ends_with(&suffix) && *state == "0A").then(|| (*inode).to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_with_its_holder_and_a_free_one_is_given() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let failure = choose(Some(port)).unwrap_err();
        assert_eq!(failure.code, "port_taken");
        if cfg!(target_os = "linux") {
            assert!(failure.message.contains(&format!("(pid {})", std::process::id())), "{failure}");
        }
        assert_ne!(choose(None).unwrap(), port);
    }
}
