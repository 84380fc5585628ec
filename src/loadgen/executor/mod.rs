//! Runs one level: opens connections, starts the clock, lets the shape's streams send until the stop rule says
//! enough, drains what is in flight, and gives back one record a request.

mod arrivals;
mod endings;
mod level;
mod place;
pub(super) mod probe;
mod recorder;
mod route;
mod shard;

use std::{
    io,
    num::NonZero,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{endings::Endings, level::Level, place::Common, recorder::Clock};
use super::{Error, LevelPlan, Phase, Progress, Requests, Target};
use crate::domain::measure::record::{ClientSample, LevelRecords, LoadShape, RequestRecord, Window};

pub(super) use route::{Route, generation};

/// Streams that one thread is given before another thread is worth its switches.
const STREAMS_PER_THREAD: u32 = 32;
/// How often the level is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Runs a level and gives its records. `requests` is a [`PromptSet`](super::PromptSet) by reference, or any
/// [`Source`](super::requests::Source) in an `Arc`.
///
/// It ends within the plan's warm-up, longest window and grace together and half a second for the round trip afterwards,
/// or 100 ms after `cancel`; then no socket of it is open. Requests still in flight after the grace are cut off and recorded
/// as such. Dropping the future cancels.
///
/// # Errors
/// When the plan makes no sense, nobody answers at the target, all of the first 3 × streams requests fail, or `cancel`
/// came. A level in which some requests failed is no error: they are in its records.
pub async fn run_level(
    target: &Target,
    plan: &LevelPlan,
    requests: impl Into<Requests>,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<LevelRecords, Error> {
    plan.check()?;
    let requests = requests.into();
    // Also cuts everything when this future is dropped.
    let cut = cancel.child_token();
    let _guard = cut.clone().drop_guard();
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Cancelled),
        result = Route::new(target) => {
            let run = Run::start(target, plan, requests, result?, cut, progress)?;
            run.finish(&cancel).await
        }
    }
}

/// A level whose threads run.
struct Run {
    common: Common,
    shards: Vec<shard::Handle>,
    cut: CancellationToken,
    progress: watch::Sender<Progress>,
}

/// The CPU time of this process so far, and when.
#[derive(Debug, Clone, Copy)]
struct CpuSample {
    at: Instant,
    cpu: Duration,
}

impl CpuSample {
    fn now() -> Self {
        let cpu = getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| {
            let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
            Duration::from_micros(u64::try_from(us).unwrap_or(0))
        });
        Self { at: Instant::now(), cpu }
    }

    fn share_until(self, end: Self) -> f64 {
        let wall = (end.at - self.at).as_secs_f64();
        if wall > 0.0 { end.cpu.saturating_sub(self.cpu).as_secs_f64() / wall } else { 0.0 }
    }
}

fn threads_for(places: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    places.div_ceil(STREAMS_PER_THREAD).clamp(1, u32::try_from(cores).unwrap_or(1))
}

impl Run {
    fn start(
        target: &Target,
        plan: &LevelPlan,
        requests: Requests,
        route: Route,
        cut: CancellationToken,
        progress: watch::Sender<Progress>,
    ) -> Result<Self, Error> {
        let common = Common {
            target: Arc::new(target.clone()),
            plan: Arc::new(plan.clone()),
            requests,
            route: Arc::new(route),
            level: Arc::new(Level::of(plan)),
        };
        let shards = match plan.shape {
            LoadShape::Open { .. } => threads_for(shard::OPEN_LOOP_CONNECTIONS),
            LoadShape::Closed { .. } | LoadShape::Saturate { .. } => threads_for(plan.places()),
        };
        let shards = (0..shards)
            .map(|shard| {
                shard::spawn(shard::Share { common: common.clone(), shard, shards, cut: cut.clone() })
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Internal(format!("a thread could not be started: {error}")))?;
        Ok(Self { common, shards, cut, progress })
    }

    async fn finish(self, cancel: &CancellationToken) -> Result<LevelRecords, Error> {
        let Self { common, shards, cut, progress } = self;
        let mut starts = Vec::new();
        let mut records = Vec::new();
        let (mut connected, mut error) = (0, None);
        for shard in shards {
            let ready = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::Cancelled),
                ready = shard.ready => ready,
            };
            let Ok(ready) = ready else {
                // It ended before it was ready, and says why where its records would be.
                collect(vec![shard.records]).await?;
                return Err(lost_thread());
            };
            connected += ready.connected;
            error = error.or(ready.error);
            starts.push(shard.start);
            records.push(shard.records);
        }
        if let (0, Some(error)) = (connected, error) {
            return Err(route::unreachable(&common.route.connector, &error));
        }
        let clock = Clock(Instant::now());
        for start in starts {
            // A thread that has died is found when its records don't come.
            let _ = start.send(clock.0);
        }
        let mut collected = Box::pin(collect(records));
        let mut watched = Watched::new(&common, clock);
        let records = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    cut.cancel();
                    // The sockets are closed when the threads have answered.
                    drop(collected.await);
                    return Err(Error::Cancelled);
                }
                records = &mut collected => break records?,
                () = tokio::time::sleep(TICK) => {}
            }
            watched.look();
            if let Some((requests, error)) =
                common.level.hopeless(3 * u64::from(common.plan.first_requests()))
            {
                cut.cancel();
                drop(collected.await);
                let (code, sample) = (error.code.to_string(), error.sample);
                return Err(Error::EveryRequestFailed { requests, code, sample });
            }
            if watched.must_end() {
                cut.cancel();
            }
            progress.send_replace(common.level.progress(watched.phase, clock.now_us()));
        };
        if let Some(last_us) = records.iter().map(|record| record.end_us).max() {
            // A schedule that ran out ends the level before its time.
            common.level.close(last_us, clock.now_us());
        }
        watched.look();
        progress.send_replace(common.level.progress(Phase::Done, clock.now_us()));
        let cpu_share = watched.cpu_share();
        let rtt_after = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            rtt = common.route.rtt_again() => rtt,
        };
        Ok(level_records(&common, records, cpu_share, rtt_after))
    }
}

fn lost_thread() -> Error {
    Error::Internal("a thread of the level ended without its records".to_owned())
}

type RecordsReceiver = tokio::sync::oneshot::Receiver<io::Result<Vec<RequestRecord>>>;

async fn collect(receivers: Vec<RecordsReceiver>) -> Result<Vec<RequestRecord>, Error> {
    let mut all = Vec::new();
    for receiver in receivers {
        let records = receiver.await.map_err(|_| lost_thread())?;
        all.extend(
            records.map_err(|error| Error::Internal(format!("a thread of the level failed: {error}")))?,
        );
    }
    Ok(all)
}

/// The level's clock as the watcher sees it.
struct Watched<'a> {
    common: &'a Common,
    clock: Clock,
    phase: Phase,
    endings: Endings,
    window_began: Option<CpuSample>,
    window_ended: Option<CpuSample>,
    /// Looks since the window's end in which nothing was in flight.
    idle_looks: u32,
}

impl<'a> Watched<'a> {
    fn new(common: &'a Common, clock: Clock) -> Self {
        let phase = Phase::Warmup;
        Self {
            common,
            clock,
            phase,
            endings: Endings::new(),
            window_began: None,
            window_ended: None,
            idle_looks: 0,
        }
    }

    /// Takes the CPU time at the window's two ends, to a tick.
    fn look(&mut self) {
        let now_us = self.clock.now_us();
        let level = &self.common.level;
        if self.window_ended.is_none() {
            self.endings.look(level, &self.common.plan, now_us);
        }
        if self.window_began.is_none() && now_us >= level.window_start_us() {
            self.window_began = Some(CpuSample::now());
            self.phase = Phase::Measuring;
        }
        if self.window_ended.is_none() && level.is_over(now_us) {
            self.window_ended = Some(CpuSample::now());
            self.phase = Phase::Draining;
        }
        if self.window_ended.is_some() && level.in_flight() == 0 {
            self.idle_looks += 1;
        } else {
            self.idle_looks = 0;
        }
    }

    /// Whether the threads are to be cut: the grace is over, or only pausing streams are left.
    fn must_end(&self) -> bool {
        let Some(ended) = self.window_ended else { return false };
        self.idle_looks >= 2 || ended.at.elapsed() >= self.common.plan.grace
    }

    fn cpu_share(&self) -> f64 {
        match (self.window_began, self.window_ended) {
            (Some(began), Some(ended)) => began.share_until(ended),
            _ => 0.0,
        }
    }
}

fn level_records(
    common: &Common,
    mut records: Vec<RequestRecord>,
    cpu_share: f64,
    rtt_after: Option<Duration>,
) -> LevelRecords {
    let Common { target, plan, level, route, .. } = common;
    records.sort_by_key(|record| (record.start_us, record.stream));
    let window = Window { start_us: level.window_start_us(), end_us: level.window_end_us() };
    let in_window = |record: &&RequestRecord| (window.start_us..window.end_us).contains(&record.start_us);
    let send_lags_us = records
        .iter()
        .filter(in_window)
        .map(|record| record.start_us.saturating_sub(record.intended_start_us))
        .collect();
    LevelRecords {
        shape: plan.shape,
        window,
        client: ClientSample {
            send_lags_us,
            cpu_share,
            rtt_us: Some(route.rtt.as_micros() as u64),
            rtt_after_us: rtt_after.map(|rtt| rtt.as_micros() as u64),
            through_proxy: target.through_proxy,
            shared_host: target.shared_host,
        },
        records,
        seed: plan.seed,
    }
}
