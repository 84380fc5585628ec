//! The truth server as a process of its own, so that CPU, memory and allocations counted here are the client's alone.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::Ipv4Addr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use dria_bench::truth::{self, Settings, Stats};
use tokio::net::TcpListener;

/// The first argument that makes this program a truth server.
pub(crate) const ARGUMENT: &str = "truth-server";

/// A running truth server; killed when dropped.
pub(crate) struct Truth {
    child: Child,
    answers: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Truth {
    /// Starts one with these times, ms.
    pub(crate) fn start(ttft_ms: u64, itl_ms: u64) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ARGUMENT, &ttft_ms.to_string(), &itl_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answers = BufReader::new(child.stdout.take().context("the truth server has no stdout")?);
        let mut url = String::new();
        answers.read_line(&mut url)?;
        anyhow::ensure!(url.starts_with("http"), "the truth server did not start");
        Ok(Self { child, answers, url: url.trim().to_owned() })
    }

    /// Ends it: what it really wrote, and when.
    pub(crate) fn end(mut self) -> anyhow::Result<Stats> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.answers.read_to_string(&mut text)?;
        self.child.wait()?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Truth {
    fn drop(&mut self) {
        // It has ended already in all cases but a failed level.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The child's side: serves until its standard input ends, then says the true figures.
pub(crate) fn serve(ttft_ms: u64, itl_ms: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(async {
        let settings = Settings {
            ttft: Duration::from_millis(ttft_ms),
            itl: Duration::from_millis(itl_ms),
            ..Settings::default()
        };
        truth::serve(settings, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?).await
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", server.url())?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    serde_json::to_writer(&mut out, &server.stats())?;
    out.flush()?;
    Ok(())
}
