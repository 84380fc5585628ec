import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents, type SentEvent } from './sse';

/** A body that comes in pieces of these sizes. */
function body(text: string, sizes: readonly number[]): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      let [at, piece] = [0, 0];
      while (at < bytes.length) {
        const size = Math.max(1, sizes[piece % Math.max(1, sizes.length)] ?? bytes.length);
        controller.enqueue(bytes.slice(at, at + size));
        [at, piece] = [at + size, piece + 1];
      }
      controller.close();
    },
  });
}

async function all(text: string, sizes: readonly number[] = []): Promise<SentEvent[]> {
  const events: SentEvent[] = [];
  for await (const event of readEvents(body(text, sizes))) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('have an id, a name and data of several lines', async () => {
    expect(await all('id: 7\nevent: step\ndata: a\ndata: b\n\n')).toEqual([{ id: '7', event: 'step', data: 'a\nb' }]);
  });

  it('are called message where they have no name, and keep the last id', async () => {
    expect(await all('id: 1\ndata: x\n\ndata: y\n\n')).toEqual([
      { id: '1', event: 'message', data: 'x' }, { id: '1', event: 'message', data: 'y' },
    ]);
  });

  it('are none where a line is a comment or there is no data', async () => {
    expect(await all(': still here\n\nevent: ping\n\n')).toEqual([]);
  });

  it('are none before their empty line came', async () => {
    expect(await all('data: half')).toEqual([]);
  });

  it('are the same however the body is cut, within letters and line ends too', async () => {
    const text = 'id: 1\r\ndata: {"text":"größer 🚀"}\r\n\r\n: c\r\n\r\nid: 2\r\nevent: done\r\ndata: {}\r\n\r\n';
    const whole = await all(text);
    expect(whole).toHaveLength(2);
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
      expect(await all(text, sizes)).toEqual(whole);
    }));
  });
});
