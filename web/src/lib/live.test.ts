import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Live, type LiveState } from './live';

const encoder = new TextEncoder();

/** A server whose answers are set one after the other; it keeps what it was asked with. */
function server(answers: (() => Response)[]) {
  const asked: (string | null)[] = [];
  const fetchOf = (async (_url: unknown, init?: RequestInit) => {
    asked.push(new Headers(init?.headers).get('Last-Event-ID'));
    const next = answers.shift();
    if (next === undefined) throw new TypeError('refused');
    return next();
  }) as typeof fetch;
  return { asked, fetchOf };
}

const events = (...ids: string[]) => () =>
  new Response(ids.map((id) => `id: ${id}\ndata: ${id}\n\n`).join(''), { headers: { 'Content-Type': 'text/event-stream' } });
const over = () => new Response(null, { status: 204 });

function follow(answers: (() => Response)[], after?: string) {
  const { asked, fetchOf } = server(answers);
  const [seen, states]: [string[], LiveState[]] = [[], []];
  const live = new Live({
    url: '/events', ...(after === undefined ? {} : { after }), fetchOf, firstPauseMs: 1000, longestPauseMs: 4000,
    onEvent: (event) => seen.push(event.data), onState: (state) => states.push(state),
  });
  return { live, asked, seen, states };
}

describe('a live line', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is taken up again behind the last event, and ends when the server says that no more comes', async () => {
    const { live, asked, seen, states } = follow([events('1', '2'), events('3'), over]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(seen).toEqual(['1', '2', '3']);
    expect(asked).toEqual([null, '2', '3']);
    expect(states).toEqual(['live', 'disconnected', 'connecting', 'live', 'disconnected', 'connecting', 'ended']);
    expect(live.state).toBe('ended');
  });

  it('begins behind what is known already', async () => {
    const { asked } = follow([over], '41');
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual(['41']);
  });

  it('says that it is disconnected, and waits longer each time', async () => {
    const { live, asked } = follow([]);
    await vi.advanceTimersByTimeAsync(0);
    expect(live.state).toBe('disconnected');
    await vi.advanceTimersByTimeAsync(999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1999);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(3);
    live.close();
  });

  it('asks again after a refusal, too', async () => {
    const { asked, seen, live } = follow([() => new Response('busy', { status: 429 }), events('1')]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(2);
    expect(seen).toEqual(['1']);
    live.close();
  });

  it('hears nothing while it is paused, and misses nothing after', async () => {
    let send: ReadableStreamDefaultController<Uint8Array> | undefined;
    const open = () => new Response(new ReadableStream<Uint8Array>({ start: (controller) => void (send = controller) }));
    const { live, seen, asked } = follow([open, events('2')]);
    await vi.advanceTimersByTimeAsync(0);
    send?.enqueue(encoder.encode('id: 1\ndata: 1\n\n'));
    await vi.advanceTimersByTimeAsync(0);
    expect(live.state).toBe('live');
    live.pause();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(live.state).toBe('paused');
    expect(asked).toHaveLength(1);
    live.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual([null, '1']);
    expect(seen).toEqual(['1', '2']);
    live.close();
  });

  it('asks nobody any more once it is closed', async () => {
    const { live, asked } = follow([]);
    await vi.advanceTimersByTimeAsync(0);
    live.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
  });
});
