//! Attending to a run: following it, working it where nobody else does, and asking what becomes of it after Ctrl-C.

use std::{
    io::IsTerminal,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    CliError, Context, Exit,
    database::Database,
    follow::Follower,
    run::actor,
    services,
    signals::{Asked, Stop},
};
use crate::{
    domain::ids::RunId,
    jobs::{self, WorkerSet},
    ledger::operator,
    queue::ApalisQueue,
    store::{runs::Run, tokens},
};

/// How often a follower looks whether the worker it relies on is still there, in looks.
const WORKER_CHECK_LOOKS: u32 = 20;

/// How long the database may be away before we give up following: workers hold out for about as long.
const DATABASE_PATIENCE: Duration = Duration::from_mins(1);

/// Whether somebody works this queue. Workers of this host that were killed don't count, however lately they beat.
pub(super) async fn worker_lives(
    context: &Context,
    database: &Database,
    queue: &str,
) -> Result<bool, CliError> {
    jobs::bury_dead_workers(&database.pool).await?;
    let silent_s = context.config.worker.lease.as_secs_f64();
    let mut conn = database.pool.acquire().await?;
    Ok(tokens::has_live_worker(&mut conn, queue, silent_s).await?)
}

/// Refuses to leave a run to workers when there are none.
pub(super) async fn require_worker(
    context: &Context,
    database: &Database,
    queue: &str,
) -> Result<(), CliError> {
    if worker_lives(context, database, queue).await? {
        return Ok(());
    }
    Err(CliError::environment("no worker is running, so nobody would work the run")
        .hint("start one first: dria-bench worker (it serves until stopped), or leave out --detach"))
}

/// Follows a run to its end; where no worker lives, works it in this process. `None`: the person left it running.
pub(super) async fn follow(
    context: &Context,
    database: &Database,
    id: RunId,
    queue: &str,
) -> Result<Option<Run>, CliError> {
    context.output.note(format!("run {id}"));
    let services = services::services(context, database).await?;
    let mut workers = None;
    let mut follower = Follower::new(database.pool.clone(), id, context.output);
    let mut stop = Stop::new()?;
    let mut patience = Patience::default();
    let mut looks = 0_u32;
    let mut cancelled = false;
    let ended = loop {
        let looked = async {
            if workers.is_none()
                && looks.is_multiple_of(WORKER_CHECK_LOOKS)
                && !worker_lives(context, database, queue).await?
            {
                workers = Some(WorkerSet::start(&services, &services::worker_options(&context.config)));
            }
            follower.look().await
        };
        match looked.await {
            Ok(Some(run)) => break Some(run),
            Ok(None) => patience.renew(),
            Err(error) => patience.spend(error, &follower)?,
        }
        looks = looks.wrapping_add(1);
        let asked = tokio::select! {
            () = follower.pause() => continue,
            asked = stop.asked_how() => asked,
        };
        let answer = match asked {
            _ if cancelled => Answer::Leave,
            Asked::Interrupt => ask(context, &follower, &mut stop).await,
            Asked::Terminate => Answer::Cancel,
            Asked::HangUp => Answer::Leave,
        };
        match answer {
            Answer::KeepWatching => {}
            Answer::Cancel => {
                cancelled = true;
                cancel(database, id).await?;
            }
            Answer::Leave => {
                if let Some(workers) = workers.take() {
                    workers.stop().await;
                    leave_to_background_worker(context, &follower)?;
                }
                let what = if cancelled { "the rest is cleaned up without us" } else { "left running" };
                follower.line(&format!("{what}; look at it with: dria-bench runs show {id}"));
                break None;
            }
        }
    };
    if let Some(workers) = workers {
        workers.stop().await;
    }
    Ok(ended)
}

/// Follows a run that others work, until its end. `None`: asked to stop watching.
pub(super) async fn watch(
    context: &Context,
    database: &Database,
    id: RunId,
    queue: &str,
) -> Result<Option<Run>, CliError> {
    let mut follower = Follower::new(database.pool.clone(), id, context.output);
    let mut stop = Stop::new()?;
    let mut warned = false;
    for look in 0_u32.. {
        if let Some(run) = follower.look().await? {
            return Ok(Some(run));
        }
        if !warned
            && look.is_multiple_of(WORKER_CHECK_LOOKS)
            && !worker_lives(context, database, queue).await?
        {
            warned = true;
            follower.line("no worker is running, so nothing happens until one is started: dria-bench worker");
        }
        tokio::select! {
            () = follower.pause() => {}
            () = stop.asked() => break,
        }
    }
    Ok(None)
}

/// Cancels a run that may have ended in this moment.
async fn cancel(database: &Database, id: RunId) -> Result<(), CliError> {
    match operator::cancel(&database.pool, &ApalisQueue, id, &actor()).await {
        Ok(_) | Err(crate::ledger::Error::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How long the database has been away.
#[derive(Default)]
struct Patience {
    away_since: Option<Instant>,
}

impl Patience {
    fn renew(&mut self) {
        self.away_since = None;
    }

    fn spend(&mut self, error: CliError, follower: &Follower) -> Result<(), CliError> {
        let since = *self.away_since.get_or_insert_with(|| {
            follower.line(&format!("  ! {error}; waiting for it"));
            Instant::now()
        });
        if error.exit == Exit::Environment && since.elapsed() < DATABASE_PATIENCE {
            Ok(())
        } else {
            Err(error)
        }
    }
}

enum Answer {
    Cancel,
    Leave,
    KeepWatching,
}

/// What to do with the run after Ctrl-C. Where nobody can be asked it is cancelled, so that nothing is left running.
async fn ask(context: &Context, follower: &Follower, stop: &mut Stop) -> Answer {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Answer::Cancel;
    }
    follower.hide();
    context.output.prompt("\nCancel the run, leave it running, or keep watching? [c/l/K] ");
    let (tell, told) = oneshot::channel();
    // A thread of its own: nothing can interrupt a read from the terminal, and the process must not wait for it.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        let _ = tell.send(line);
    });
    let answer = tokio::select! {
        line = told => match line.unwrap_or_default().trim().to_ascii_lowercase().chars().next() {
            Some('c') => Answer::Cancel,
            Some('l') => Answer::Leave,
            _ => Answer::KeepWatching,
        },
        // Ctrl-C once more is an answer too.
        asked = stop.asked_how() => {
            context.output.prompt("\n");
            if asked == Asked::HangUp { Answer::Leave } else { Answer::Cancel }
        }
    };
    follower.reveal();
    answer
}

/// Starts a worker of its own that ends once no run is left.
fn leave_to_background_worker(context: &Context, follower: &Follower) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::environment(format!("a worker can't be started in the background: {error}"))
            .hint("the run waits: dria-bench worker works it")
    };
    let program = std::env::current_exe().map_err(failed)?;
    let log_path = context.config.data.dir.join("worker.log");
    let log = std::fs::File::options().create(true).append(true).open(&log_path).map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(&context.config.data.dir);
    if let Some(file) = &context.config_file {
        command.arg("--config").arg(file);
    }
    command.args(["worker", "--until-idle"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(failed)?;
    follower.line(&format!("a worker goes on in the background (log: {})", log_path.display()));
    Ok(())
}
