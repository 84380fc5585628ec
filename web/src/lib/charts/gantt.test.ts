// A run's life as bars: tries, waits that are never negative, and a live edge.
import { describe, expect, it } from 'vitest';
import { extentOf, ganttRows, lasting, ticksOf, tryInWords } from './gantt';
import type { Attempt, Step } from './types';

const t0 = Date.UTC(2026, 10, 24, 10);
const iso = (s: number) => new Date(t0 + s * 1000).toISOString();
const step = (name: string, place: number, scheduled: number, status: Step['status'] = 'done'): Step => ({
  name, step: place, status, attempt: 1, fence: 1, losses: 0, run_after: iso(scheduled), scheduled_at: iso(scheduled),
});
const attempt = (name: string, n: number, from: number, to: number | null, outcome: string | null, generation = 1): Attempt => ({
  name, attempt: n, fence: n, generation, worker: 'w', started_at: iso(from), finished_at: to === null ? null : iso(to), outcome,
  error: outcome === 'error' ? { code: 'engine_lost', message: 'It went away.' } : null,
});

describe('a Gantt', () => {
  const steps = [step('warmup', 1, 10), step('provision', 0, 0), step('teardown', 2, 40, 'scheduled')];
  const attempts = [
    attempt('provision', 1, 2, 10, 'done'),
    attempt('warmup', 1, 12, 20, 'error'),
    attempt('warmup', 2, 25, 40, 'done'),
  ];
  const rows = ganttRows(steps, attempts, t0 + 45_000);

  it('has a row a step in the order of the definition', () => {
    expect(rows.map(({ name }) => name)).toEqual(['provision', 'warmup', 'teardown']);
  });
  it('draws the wait for a worker, between tries, and of a step that nobody took yet', () => {
    const waits = rows.map((row) => row.waits.map(({ from, to }) => [(from - t0) / 1000, (to - t0) / 1000]));
    expect(waits).toEqual([[[0, 2]], [[10, 12], [20, 25]], [[40, 45]]]);
  });
  it('has no negative wait where clocks disagree', () => {
    const odd = ganttRows([step('a', 0, 30)], [attempt('a', 1, 10, 20, 'done'), attempt('a', 2, 15, 40, 'done')], t0 + 50_000);
    expect(odd[0]?.waits).toEqual([]);
  });
  it('counts no wait between generations: nobody waited, the run was over', () => {
    const again = ganttRows([step('a', 0, 100)], [attempt('a', 1, 1, 5, 'error'), attempt('a', 1, 103, 110, 'done', 2)], t0 + 200_000);
    expect(again[0]?.waits.map(({ from, to }) => (to - from) / 1000)).toEqual([3]);
  });
  it('lets a try that runs reach until now', () => {
    const [row] = ganttRows([step('a', 0, 0, 'running')], [attempt('a', 1, 1, null, null)], t0 + 9_000);
    expect(row?.tries[0]).toMatchObject({ outcome: 'running', to: t0 + 9_000 });
  });
  it('keeps tries of steps that are not scheduled any more', () => {
    expect(ganttRows([], attempts, t0).map(({ name }) => name)).toEqual(['provision', 'warmup']);
  });
  it('says what became of a try, with its code and its wait', () => {
    const row = rows[1]!;
    expect(tryInWords(row, row.tries[0]!, t0)).toBe(
      'warmup, try 1: failed (engine_lost), 8.0 s from 12 s on, after waiting 2.0 s. It went away.',
    );
  });
  it('has an extent even without a try', () => {
    expect(extentOf([], t0).to).toBeGreaterThan(extentOf([], t0).from);
    expect(extentOf(rows, t0)).toEqual({ from: t0, to: t0 + 45_000 });
  });
  it('writes times so that they can be read', () => {
    expect([lasting(420), lasting(3_200), lasting(200_000), lasting(7_500_000)]).toEqual(['0.42 s', '3.2 s', '3 min 20 s', '2 h 5 min']);
    const [long, short] = [ticksOf(8e6), ticksOf(900)];
    expect([long.label(5_000), long.label(7_505_000), long.unit]).toEqual(['0:05', '2:05:05', 'min:s']);
    expect([short.label(50), short.label(100), short.unit]).toEqual(['0.05', '0.1', 's']);
  });
});
