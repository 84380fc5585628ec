// Server-sent events out of an answer's body, as the HTML standard reads them. For what EventSource can't do: POST, status codes.

export interface SentEvent {
  event: string;
  /** Of the last event that had one. */
  id: string;
  data: string;
}

/** Events of a body until it ends. Comments keep a line alive and are no events. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [rest, id, event, data] = ['', '', '', [] as string[]];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A lone \r at the end may be half of \r\n: it waits for the next piece.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { event: event || 'message', id, data: data.join('\n') };
          [event, data] = ['', []];
          continue;
        }
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const said = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'data') data.push(said);
        else if (field === 'event') event = said;
        else if (field === 'id') id = said;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
