//! One thread of a level: its own runtime and its share of the places. Nothing moves between threads while it runs.

use std::{cell::RefCell, io, rc::Rc, time::Instant};

use futures::StreamExt;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    arrivals::Arrivals,
    place::{Common, Place, pause_after},
    recorder::{Clock, Recorder},
};
use crate::{
    domain::measure::record::{LoadShape, RequestRecord},
    loadgen::client::RequestError,
};

/// Connections opened at once.
const OPENED_AT_ONCE: usize = 64;
/// Connections that an open loop opens beforehand, all threads together.
pub(super) const OPEN_LOOP_CONNECTIONS: u32 = 64;

/// A thread's share of a level.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) common: Common,
    /// Its number, and how many there are.
    pub(super) shard: u32,
    pub(super) shards: u32,
    /// Ends everything at once.
    pub(super) cut: CancellationToken,
}

/// What a thread says when its connections are open.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) connected: usize,
    pub(super) error: Option<RequestError>,
}

/// The other side of a thread.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) ready: oneshot::Receiver<Ready>,
    pub(super) start: oneshot::Sender<Instant>,
    pub(super) records: oneshot::Receiver<io::Result<Vec<RequestRecord>>>,
}

impl Share {
    /// The numbers of this thread's places among `places`.
    fn places(&self, places: u32) -> impl Iterator<Item = u32> + use<> {
        (self.shard..places).step_by(self.shards as usize)
    }
}

/// Starts the thread. It ends when its places have, or when it is cut; its sockets are closed before its records come.
pub(super) fn spawn(share: Share) -> io::Result<Handle> {
    let (ready_tx, ready) = oneshot::channel();
    let (start, start_rx) = oneshot::channel();
    let (records_tx, records) = oneshot::channel();
    std::thread::Builder::new().name(format!("loadgen-{}", share.shard)).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let records = runtime.and_then(|runtime| runtime.block_on(run(share, ready_tx, start_rx)));
        // Nobody waits for them any more if the level was dropped.
        drop(records_tx.send(records));
    })?;
    Ok(Handle { ready, start, records })
}

async fn run(
    share: Share,
    ready: oneshot::Sender<Ready>,
    start: oneshot::Receiver<Instant>,
) -> io::Result<Vec<RequestRecord>> {
    let cut = share.cut.clone();
    let prepared = tokio::select! {
        biased;
        () = cut.cancelled() => return Ok(Vec::new()),
        prepared = prepare(&share) => prepared,
    };
    let (places, report) = prepared;
    drop(ready.send(report));
    let clock = tokio::select! {
        biased;
        () = cut.cancelled() => return Ok(Vec::new()),
        origin = start => match origin {
            Ok(origin) => Clock(origin),
            Err(_) => return Ok(Vec::new()),
        },
    };
    let recorders: Rc<RefCell<Vec<Rc<Recorder>>>> =
        Rc::new(RefCell::new(places.iter().map(|place| Rc::clone(&place.recorder)).collect()));
    let mut tasks = JoinSet::new();
    if let LoadShape::Open { .. } = share.common.plan.shape {
        let arrivals = Arrivals::new(&share.common.plan, share.shard, share.shards);
        let due = arrivals.pace(clock)?;
        tasks.spawn_local(open_loop(share, due, places, Rc::clone(&recorders), clock));
    } else {
        for place in places {
            tasks.spawn_local(closed_loop(place, share.common.clone(), clock));
        }
    }
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
        () = async { while tasks.join_next().await.is_some() {} } => {}
    }
    tasks.shutdown().await;
    let cut_us = clock.now_us();
    let recorders = recorders.borrow();
    Ok(recorders.iter().flat_map(|recorder| recorder.take(cut_us)).collect())
}

/// Makes the places, opens and warms their connections.
async fn prepare(share: &Share) -> (Vec<Place>, Ready) {
    let (opened, stride) = match share.common.plan.shape {
        LoadShape::Open { .. } => (OPEN_LOOP_CONNECTIONS, 0),
        LoadShape::Closed { .. } | LoadShape::Saturate { .. } => {
            (share.common.plan.places(), share.common.plan.places())
        }
    };
    let mut places = Vec::new();
    for number in share.places(opened) {
        match Place::new(number, stride, &share.common) {
            Ok(place) => places.push(place),
            Err(error) => {
                let error = RequestError::new(crate::loadgen::client::ErrorCode::Encoding, error);
                return (Vec::new(), Ready { connected: 0, error: Some(error) });
            }
        }
    }
    let results: Vec<Result<(), RequestError>> = futures::stream::iter(places.iter_mut())
        .map(Place::connect)
        .buffer_unordered(OPENED_AT_ONCE)
        .collect()
        .await;
    let connected = results.iter().filter(|result| result.is_ok()).count();
    let error = results.into_iter().find_map(Result::err);
    (places, Ready { connected, error })
}

/// One stream: the next request when the last one ended.
async fn closed_loop(mut place: Place, common: Common, clock: Clock) {
    let mut free_us = 0;
    let mut failures_in_a_row = 0;
    while !common.level.is_over(clock.now_us()) {
        let performed = place.perform(clock, free_us).await;
        free_us = performed.end_us;
        if let Some(error) = performed.error {
            failures_in_a_row += 1;
            tokio::time::sleep(pause_after(failures_in_a_row, &error)).await;
            free_us = clock.now_us();
        } else {
            failures_in_a_row = 0;
        }
    }
}

/// Sends at the arrivals' times, each request from a free place, or from a new one while there may be more. A request is
/// encoded before it is due.
async fn open_loop(
    share: Share,
    mut due: mpsc::UnboundedReceiver<u64>,
    free: Vec<Place>,
    recorders: Rc<RefCell<Vec<Rc<Recorder>>>>,
    clock: Clock,
) {
    let Common { plan, level, .. } = &share.common;
    let (freed_tx, mut freed) = mpsc::unbounded_channel::<Place>();
    let mut free = free;
    let mut unused = share.places(plan.places()).skip(free.len());
    let mut in_flight = JoinSet::new();
    // The arrivals' numbers in the whole level, of which this thread has every `shards`-th.
    for number in (u64::from(share.shard)..).step_by(share.shards as usize) {
        while in_flight.try_join_next().is_some() {}
        while let Ok(place) = freed.try_recv() {
            free.push(place);
        }
        let new_place = || {
            let place = Place::new(unused.next()?, 0, &share.common).ok()?;
            recorders.borrow_mut().push(Rc::clone(&place.recorder));
            Some(place)
        };
        let place = match free.pop().or_else(new_place) {
            Some(place) => Some(place),
            None => freed.recv().await,
        };
        let Some(mut place) = place else { break };
        place.aim(number);
        // What was due inside the window is sent, however late.
        let Some(due_us) = due.recv().await.filter(|due_us| !level.is_over(*due_us)) else { break };
        let freed_tx = freed_tx.clone();
        in_flight.spawn_local(async move {
            place.perform(clock, due_us).await;
            // The loop has ended if it doesn't take the place back.
            drop(freed_tx.send(place));
        });
    }
    drop(due);
    while in_flight.join_next().await.is_some() {}
}
