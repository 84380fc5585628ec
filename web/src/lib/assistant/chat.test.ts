import { afterEach, describe, expect, it, vi } from 'vitest';
import { Chat, turnsOf } from './chat.svelte';

afterEach(() => void vi.unstubAllGlobals());

const id = '01890000-0000-7000-8000-000000000000';
const told = (...events: [string, unknown][]) =>
  new Response(events.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''), {
    headers: { 'Content-Type': 'text/event-stream' },
  });

/** A server with a conversation, and one answer to what is asked in it. */
function server(answer: (signal: AbortSignal | undefined) => Response | Promise<Response>) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (to: Request | string, init?: RequestInit) => {
    const url = typeof to === 'string' ? to : to.url;
    asked.push(url.replace('http://localhost', ''));
    if (url.endsWith('/conversations')) {
      return Response.json({ id, title: '', created_at: '', updated_at: '', questions: 0 }, { status: 201 });
    }
    return answer(init?.signal ?? undefined);
  });
  return asked;
}

describe('a conversation', () => {
  it('begins with its first question, and goes on in the same place', async () => {
    const asked = server(() => told(['start', {}], ['content', { text: 'vLLM' }], ['content', { text: '.' }], ['sources', [{ link: '/', title: 'Runs' }]], ['done', { at: 'now' }]));
    const chat = new Chat();
    await chat.ask('Which is fastest?');
    await chat.ask('And then?');
    expect(asked).toEqual(['/api/v1/assistant/conversations', ...Array<string>(2).fill(`/api/v1/assistant/conversations/${id}/messages`)]);
    expect(chat.turns.map(({ question, answer, state }) => [question, answer, state])).toEqual([
      ['Which is fastest?', 'vLLM.', 'done'], ['And then?', 'vLLM.', 'done'],
    ]);
    expect(chat.turns[0]!.sources).toEqual([{ link: '/', title: 'Runs' }]);
    expect(chat.busy).toBe(false);
  });

  it('tells what is looked up', async () => {
    server(() => told(['tool_call', { name: 'trends', arguments: {}, links: ['/trends'] }], ['done', { at: 'now' }]));
    const chat = new Chat();
    await chat.ask('How was it?');
    expect(chat.turns[0]!.lookUps.map(({ name }) => name)).toEqual(['trends']);
  });

  it('keeps what came of an answer that is stopped', async () => {
    let begun = () => {};
    const heard = new Promise<void>((done) => (begun = done));
    server((signal) => new Response(new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('event: content\ndata: {"text":"So far"}\n\n'));
        signal?.addEventListener('abort', () => controller.error(new DOMException('gone', 'AbortError')));
        begun();
      },
    })));
    const chat = new Chat();
    const asking = chat.ask('Tell me');
    await heard;
    await vi.waitFor(() => expect(chat.turns[0]!.answer).toBe('So far'));
    chat.stop();
    await asking;
    expect([chat.turns[0]!.answer, chat.turns[0]!.state, chat.busy]).toEqual(['So far', 'stopped', false]);
  });

  it('says why there is no answer', async () => {
    server(() => told(['error', { code: 'busy', message: 'the model is busy', retry_after_s: 7 }]));
    const chat = new Chat();
    await chat.ask('Hello?');
    expect(chat.turns[0]).toMatchObject({ state: 'failed', problem: { code: 'busy', detail: 'the model is busy', retry_after_s: 7 } });
    expect(chat.missing).toBe(false);
  });

  it('knows that there is no assistant here', async () => {
    server(() => Response.json({ code: 'assistant_off', title: 'Off', detail: 'none', request_id: 'r' }, { status: 503 }));
    const chat = new Chat();
    await chat.ask('Hello?');
    expect(chat.missing).toBe(true);
  });

  it('takes an answer that breaks off for a failed one', async () => {
    server(() => told(['content', { text: 'So' }]));
    const chat = new Chat();
    await chat.ask('Hello?');
    expect(chat.turns[0]).toMatchObject({ answer: 'So', state: 'failed', problem: { code: 'no_answer' } });
  });

  it('is read as it was', () => {
    expect(turnsOf([{ id: 'a', question: 'q', answer: 'a', look_ups: [], at: 't' }])).toMatchObject([{ question: 'q', answer: 'a', state: 'done' }]);
  });
});
