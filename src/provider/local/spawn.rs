//! Starts an engine as its own process group and watches for its end.

use std::{
    fs::File,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use tokio::sync::watch;

use super::processes::{NAME_VARIABLE, PORT_VARIABLE};
use crate::domain::launch::LocalCommand;

/// Our own secrets, which an engine has no business knowing. (`HF_TOKEN` is its business.)
const SECRETS: &[&str] = &[
    "DATABASE_URL",
    "MONGODB_URL",
    "RUNPOD_API_KEY",
    "OPENAI_API_KEY",
    "GITHUB_CLIENT_SECRET",
    "SECRET_KEY",
    "LAMBDA_API_KEY",
];

/// Tells how a child ended, once it has.
pub(super) type Exit = watch::Receiver<Option<ExitStatus>>;

/// Starts the command with the engine's name and port in its environment. Its own process group, its input closed
/// and its output in the log keep it alive when the worker dies and out of reach of the terminal's signals.
pub(super) fn spawn(command: &LocalCommand, name: &str, port: u16, log: &File) -> io::Result<(u32, Exit)> {
    let mut process = Command::new(&command.program);
    process
        .args(&command.args)
        .envs(&command.env)
        .env(NAME_VARIABLE, name)
        .env(PORT_VARIABLE, port.to_string());
    for secret in SECRETS {
        process.env_remove(secret);
    }
    // vLLM and SGLang write titles over their argument area; this keeps them from writing over the environment too.
    process.env("SPT_NOENV", "1");
    process.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).process_group(0);
    let mut child = process.spawn()?;
    let pid = child.id();
    let (ended, exit) = watch::channel(None);
    // A thread rather than a task: the child is reaped whatever becomes of the runtime.
    let waiting = thread::Builder::new().name("engine-exit".to_owned()).spawn(move || {
        if let Ok(status) = child.wait() {
            ended.send_replace(Some(status));
        }
    });
    waiting.map(|_| (pid, exit))
}

/// `exited with code 1`, `was ended by signal 9`.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
