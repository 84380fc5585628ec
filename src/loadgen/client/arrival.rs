//! When bytes arrived: the kernel's own stamp where it gives one (Linux, plain TCP), else the moment after the read.
//!
//! A busy client reads late, and what it reads late would count as the engine's delay. The kernel stamps a packet when it
//! comes in, whoever is running then.

use std::{io, time::Instant};

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Reads from a socket and says when the bytes came.
#[derive(Debug)]
pub(super) struct Arrivals {
    #[cfg(target_os = "linux")]
    stamps: Option<stamps::Stamps>,
}

impl Arrivals {
    /// Asks the kernel for stamps on this socket.
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "only Linux is asked"))]
    pub(super) fn of(socket: &TcpStream) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            stamps: stamps::Stamps::of(socket),
        }
    }

    /// Reads what is there, and when the last of it came.
    pub(super) async fn read(
        &mut self,
        socket: &mut TcpStream,
        into: &mut [u8],
    ) -> io::Result<(usize, Instant)> {
        #[cfg(target_os = "linux")]
        if let Some(stamps) = &mut self.stamps {
            return stamps.read(socket, into).await;
        }
        let read = socket.read(into).await?;
        Ok((read, Instant::now()))
    }
}

#[cfg(target_os = "linux")]
mod stamps {
    use std::{
        io::{self, IoSliceMut},
        os::fd::AsRawFd,
        time::{Duration, Instant, SystemTime},
    };

    use nix::{
        cmsg_space,
        sys::{
            socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns},
            time::TimeSpec,
        },
    };
    use tokio::{io::Interest, net::TcpStream};

    /// A stamp that lies further back is the wall clock having been set, not a late read.
    const OLDEST: Duration = Duration::from_secs(1);

    /// Room for the kernel's message beside the bytes.
    #[derive(Debug)]
    pub(super) struct Stamps(Vec<u8>);

    impl Stamps {
        pub(super) fn of(socket: &TcpStream) -> Option<Self> {
            setsockopt(socket, ReceiveTimestampns, &true).ok()?;
            Some(Self(cmsg_space!(TimeSpec)))
        }

        pub(super) async fn read(
            &mut self,
            socket: &TcpStream,
            into: &mut [u8],
        ) -> io::Result<(usize, Instant)> {
            socket.async_io(Interest::READABLE, || receive(socket, into, &mut self.0)).await
        }
    }

    fn receive(socket: &TcpStream, into: &mut [u8], room: &mut [u8]) -> io::Result<(usize, Instant)> {
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(room), MsgFlags::empty())?;
        // In this order: a pause between the two makes the age too small and the arrival late, never early.
        let wall = SystemTime::now();
        let now = Instant::now();
        let stamp = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        let age = stamp
            .and_then(|stamp| wall.duration_since(SystemTime::UNIX_EPOCH).ok()?.checked_sub(stamp))
            .filter(|age| *age <= OLDEST);
        Ok((message.bytes, age.and_then(|age| now.checked_sub(age)).unwrap_or(now)))
    }
}
