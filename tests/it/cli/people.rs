//! A person at a terminal who presses Ctrl-C, and what each answer does. The terminal is a pseudo terminal.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use nix::{
    pty::openpty,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::QUICK;
use crate::support::{program::Bench, runs::broken_invariants};

const PATIENCE: Duration = Duration::from_secs(90);
const QUESTION: &str = "keep watching? [c/l/K]";

/// The program on a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<String>,
    seen: String,
}

impl Terminal {
    fn start(bench: &Bench, kind: &str, arguments: &str) -> Self {
        let pty = openpty(None, None).unwrap();
        let side = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        let mut command = bench.command(arguments);
        command.env("TERM", kind);
        command.stdin(side(&pty.slave)).stdout(side(&pty.slave)).stderr(side(&pty.slave));
        let child = command.spawn().unwrap();
        drop((command, pty.slave));
        let mut read = File::from(pty.master.try_clone().unwrap());
        let (tell, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // When the program has gone the terminal reads as broken.
            while let Ok(n @ 1..) = read.read(&mut bytes) {
                if tell.send(String::from_utf8_lossy(&bytes[..n]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard: File::from(pty.master), screen, seen: String::new() }
    }

    fn wait_for(&mut self, text: &str) {
        let asked = Instant::now();
        while !self.seen.contains(text) {
            let left = PATIENCE.saturating_sub(asked.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(more) => self.seen.push_str(&more),
                Err(error) => panic!("`{text}` was never shown ({error}): {}", self.seen),
            }
        }
        self.seen.clear();
    }

    fn press_ctrl_c(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    fn answer(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    fn exit_code(mut self) -> Option<i32> {
        let asked = Instant::now();
        loop {
            // The screen is read on, so that the program never waits for it.
            while let Ok(more) = self.screen.try_recv() {
                self.seen.push_str(&more);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(asked.elapsed() < PATIENCE, "it never ended: {}", self.seen);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that is asked about in the middle of its warm-up.
fn interrupted(bench: &Bench, kind: &str, seconds: &str) -> Terminal {
    let mut terminal = Terminal::start(bench, kind, &format!("{QUICK} --rates 1 --seconds {seconds}"));
    terminal.wait_for("✓ start_engine");
    terminal.press_ctrl_c();
    terminal.wait_for(QUESTION);
    terminal
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_asks_and_c_or_ctrl_c_again_cancels() {
    let bench = Bench::new().await;
    let mut terminal = interrupted(&bench, "xterm", "20");
    terminal.answer("c\n");
    assert_eq!(terminal.exit_code(), Some(4));

    let terminal = interrupted(&bench, "xterm", "20");
    // Soon after the first it would count as the same request.
    tokio::time::sleep(Duration::from_secs(1)).await;
    terminal.press_ctrl_c();
    assert_eq!(terminal.exit_code(), Some(4));

    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'cancelled'").await,
        2
    );
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_keeps_watching_and_the_run_goes_on_on_a_dumb_terminal_too() {
    let bench = Bench::new().await;
    let mut terminal = interrupted(&bench, "dumb", "1");
    terminal.answer("\n");
    terminal.wait_for("concurrent 1");
    assert_eq!(terminal.exit_code(), Some(0));
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn l_leaves_the_run_to_a_worker_in_the_background() {
    let bench = Bench::new().await;
    let mut terminal = interrupted(&bench, "xterm", "1");
    terminal.answer("l\n");
    assert_eq!(terminal.exit_code(), Some(130));
    bench.wait_for_background_workers().await;
    assert_eq!(
        bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await,
        1
    );
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}
