import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Poll } from './poll.svelte';

const seen = { visibilityState: 'visible' };

beforeEach(() => {
  vi.useFakeTimers();
  seen.visibilityState = 'visible';
  vi.stubGlobal('document', seen);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('asks again until it is ended', async () => {
  const again = vi.fn(async () => undefined);
  const end = new Poll(again, 1000).start();
  await vi.advanceTimersByTimeAsync(3000);
  expect(again).toHaveBeenCalledTimes(3);
  end();
  await vi.advanceTimersByTimeAsync(3000);
  expect(again).toHaveBeenCalledTimes(3);
});

it('asks nothing while it is paused or out of sight, and at once when it goes on', async () => {
  const again = vi.fn(async () => undefined);
  const poll = new Poll(again, 1000);
  poll.start();
  poll.pause();
  await vi.advanceTimersByTimeAsync(2000);
  expect(again).not.toHaveBeenCalled();
  expect(poll.state).toBe('paused');
  poll.resume();
  expect(again).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(0);
  seen.visibilityState = 'hidden';
  await vi.advanceTimersByTimeAsync(2000);
  expect(again).toHaveBeenCalledTimes(1);
});

it('never overtakes a slow answer', async () => {
  let answer = () => {};
  const again = vi.fn(() => new Promise<void>((done) => (answer = done)));
  new Poll(again, 1000).start();
  await vi.advanceTimersByTimeAsync(5000);
  expect(again).toHaveBeenCalledTimes(1);
  answer();
  await vi.advanceTimersByTimeAsync(1000);
  expect(again).toHaveBeenCalledTimes(2);
});

it('says when the server is away', () => {
  const poll = new Poll(async () => undefined);
  expect(poll.state).toBe('live');
  poll.lost = true;
  expect(poll.state).toBe('disconnected');
});
