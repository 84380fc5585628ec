//! Serving one generation: wait for a slot, then write each token when it is due, and stamp it.

use std::{io, sync::atomic::Ordering, time::Instant};

use serde_json::json;

use super::{
    Shared,
    faults::FaultKind,
    http::Connection,
    protocol::{Dialect, Generation},
    slots::Slot,
    stats::Written,
};

/// How a generation left its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Fit for another request.
    KeepAlive,
    /// To be closed in good order, though nothing in the answer said so.
    Close,
    /// To be reset.
    Reset,
}

/// A fault that comes after so many tokens of a stream.
fn fault_point(fault: Option<FaultKind>) -> Option<u32> {
    match fault? {
        FaultKind::Reset { after_tokens }
        | FaultKind::Truncate { after_tokens }
        | FaultKind::Malformed { after_tokens }
        | FaultKind::Error { after_tokens }
        | FaultKind::Stall { after_tokens } => Some(after_tokens),
        FaultKind::Empty => Some(0),
        FaultKind::Status { .. } | FaultKind::CloseAfter => None,
    }
}

/// Serves it.
pub(super) async fn serve(
    shared: &Shared,
    connection: &mut Connection,
    generation: &Generation,
    received: Instant,
) -> io::Result<After> {
    shared.recorder.received(generation.prompt_hash);
    let fault = shared.faults.take();
    if let Some(FaultKind::Status { status, retry_after_s }) = fault {
        let retry_after = retry_after_s.map(|s| format!("Retry-After: {s}\r\n")).unwrap_or_default();
        let message = json!({"error": {"message": "a scripted fault", "type": "scripted", "code": status}});
        let body = message.to_string();
        connection.respond(status, "application/json", &retry_after, body.as_bytes()).await?;
        return Ok(After::KeepAlive);
    }
    let slot = take_slot(shared, connection).await?;
    let start = if slot.queued { Instant::now() } else { received };
    shared.prompt_tokens_total.fetch_add(u64::from(generation.prompt_tokens), Ordering::Relaxed);
    if !generation.is_streamed {
        let settings = &shared.settings;
        connection.pause_until(start + settings.ttft + settings.itl * (generation.output_tokens - 1)).await?;
        connection.respond(200, "application/json", "", generation.whole().to_string().as_bytes()).await?;
        shared.generation_tokens_total.fetch_add(u64::from(generation.output_tokens), Ordering::Relaxed);
        shared.completed_total.fetch_add(1, Ordering::Relaxed);
        return Ok(After::KeepAlive);
    }
    let writes = generation.output_tokens.div_ceil(shared.settings.tokens_per_chunk) as usize + 1;
    let mut written = Written::new(received, writes);
    let result = stream(shared, connection, generation, fault, start, &mut written).await;
    drop(slot);
    shared.recorder.written(&written);
    result
}

/// Takes a slot, unless the client leaves while it waits for one.
async fn take_slot<'a>(shared: &'a Shared, connection: &mut Connection) -> io::Result<Slot<'a>> {
    tokio::select! {
        biased;
        slot = shared.slots.take() => Ok(slot),
        gone = connection.left() => Err(gone),
    }
}

async fn stream(
    shared: &Shared,
    connection: &mut Connection,
    generation: &Generation,
    fault: Option<FaultKind>,
    start: Instant,
    written: &mut Written,
) -> io::Result<After> {
    let settings = &shared.settings;
    let fault_at = fault_point(fault);
    // All of the answer's bytes are made before its first token is due.
    let one = generation.text_frame(1, false);
    let many = generation.text_frame(settings.tokens_per_chunk, false);
    let mut buffer = generation.stream_head().to_vec();
    let mut sent = 0;
    for tokens in generation.writes(settings.tokens_per_chunk) {
        if let (Some(at), Some(fault)) = (fault_at, fault)
            && sent >= at
        {
            connection.write(&buffer).await?;
            return break_off(connection, generation, fault).await;
        }
        let is_last = sent + tokens == generation.output_tokens;
        if is_last {
            buffer.extend(generation.text_frame(tokens, true));
            buffer.extend(generation.tail());
        } else {
            buffer.extend_from_slice(if tokens == 1 { &one } else { &many });
        }
        sent += tokens;
        connection.pause_until(start + settings.ttft + settings.itl * (sent - 1)).await?;
        connection.write(&buffer).await?;
        written.stamp(tokens);
        shared.generation_tokens_total.fetch_add(u64::from(tokens), Ordering::Relaxed);
        buffer.clear();
    }
    shared.completed_total.fetch_add(1, Ordering::Relaxed);
    Ok(if fault == Some(FaultKind::CloseAfter) { After::Close } else { After::KeepAlive })
}

/// The fault, in the middle of a stream.
async fn break_off(
    connection: &mut Connection,
    generation: &Generation,
    fault: FaultKind,
) -> io::Result<After> {
    match fault {
        FaultKind::Reset { .. } => return Ok(After::Reset),
        FaultKind::Stall { .. } => return Err(connection.left().await),
        FaultKind::Truncate { .. } => return Ok(After::Close),
        FaultKind::Malformed { .. } => {
            let half = generation.text_frame(1, false);
            let text =
                String::from_utf8_lossy(&half).replace("\"choices\"", "choices").replace(":false", ":fals");
            connection.write(text.as_bytes()).await?;
        }
        FaultKind::Error { .. } => {
            let error = match generation.dialect {
                Dialect::OpenAi => json!({"error": {"message": "a scripted fault", "code": 500}}),
                Dialect::Ollama => json!({"error": "a scripted fault"}),
            };
            connection.write(&generation.frame(&error)).await?;
            connection.write(b"0\r\n\r\n").await?;
        }
        FaultKind::Empty | FaultKind::Status { .. } | FaultKind::CloseAfter => {
            connection.write(b"0\r\n\r\n").await?;
        }
    }
    Ok(if matches!(fault, FaultKind::Malformed { .. }) { After::Close } else { After::KeepAlive })
}
