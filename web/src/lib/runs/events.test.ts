import { describe, expect, it } from 'vitest';
import { eventLine, merged, type RunEvent } from './events';

const event = (more: Partial<RunEvent>): RunEvent => ({
  id: 1, ts: '2026-11-24T20:39:25.144891Z', kind: 'step_started', step: null, actor: 'worker:a', data: {}, ...more,
});

describe('a line of an event', () => {
  it('has the step, what is worth knowing, and no name of a worker', () => {
    const line = eventLine(event({ step: 'provision', data: { attempt: 2, fence: 23, losses: 0 } }));
    expect(line).toMatchObject({ at: '20:39:25', level: 'info', text: 'provision: step started · attempt 2' });
  });

  it('says a failure first, and is an error', () => {
    const data = { failure: { code: 'engine_unreachable', message: 'nothing answers' } };
    expect(eventLine(event({ kind: 'step_failed', step: 'provision', data }))).toMatchObject({
      level: 'error', text: 'provision: step failed · engine_unreachable: nothing answers',
    });
  });

  it('says times with their unit, and nothing of what is not known', () => {
    const data = { timings: { model_loading_s: 8.886013, graph_capture_s: null, output_tokens_per_second: 37.562 } };
    expect(eventLine(event({ kind: 'step_done', step: 'start_engine', data })).text)
      .toBe('start_engine: step done · model loading 8.89 s, output tokens per second 37.6');
  });

  it('names whoever asked', () => {
    expect(eventLine(event({ kind: 'run_paused', actor: 'token:admin' })).text).toBe('run paused · by token:admin');
  });

  it('ends a failed run as an error', () => {
    expect(eventLine(event({ kind: 'run_finished', data: { status: 'failed' } })).level).toBe('error');
    expect(eventLine(event({ kind: 'run_finished', data: { status: 'succeeded' } })).level).toBe('info');
  });
});

it('events come once each, in their order', () => {
  const [a, b, c] = [1, 2, 3].map((id) => event({ id }));
  expect(merged([a!, c!], [b!, c!]).map(({ id }) => id)).toEqual([1, 2, 3]);
});
