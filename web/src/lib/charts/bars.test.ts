// Histogram, set-up and matrix: what is empty, unknown or missing is there as such.
import { describe, expect, it } from 'vitest';
import { boundBelow, bucketsOf } from './histogram';
import { cellInWords, gridOf } from './matrix';
import type { CellReport } from './types';
import { stagesOf } from './waterfall';

describe('a histogram of gaps', () => {
  const gaps = { unit: 'ms', buckets: [[0.8, 10], [1, 30], [2.5, 60]] as [number, number][], n: 100, p50: 1, p90: null, p95: null, p99: null };
  it('has the empty buckets between, with bounds that touch', () => {
    const buckets = bucketsOf(gaps);
    expect(buckets.map(({ upper, count }) => [upper, count])).toEqual([[0.8, 10], [1, 30], [1.25, 0], [1.6, 0], [2, 0], [2.5, 60]]);
    for (const [at, bucket] of buckets.entries()) if (at > 0) expect(bucket.lower).toBe(buckets[at - 1]?.upper);
    expect(buckets.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });
  it('knows the bound below, across decades', () => {
    expect([boundBelow(1), boundBelow(1.25), boundBelow(10), boundBelow(0.1), boundBelow(31.5)]).toEqual([0.8, 1, 8, 0, 25]);
  });
  it('is empty without gaps', () => {
    expect(bucketsOf({ ...gaps, buckets: [], n: 0 })).toEqual([]);
  });
});

describe('set-up times', () => {
  const times = {
    server_setup_s: 30, server_setup_parts: { placement_and_image_pull_s: 20, container_start_s: null, port_open_s: 10 },
    model_download_s: null, model_loading_s: 12, warmup_s: 3, total_s: 51,
  };
  it('lie end to end, parts within their whole, and the total is not their sum', () => {
    const stages = stagesOf(times).map(({ key, from, seconds }) => [key, from, seconds]);
    expect(stages).toEqual([
      ['server_setup_s', 0, 30], ['placement_and_image_pull_s', 0, 20], ['port_open_s', 20, 10], ['model_download_s', 30, null],
      ['model_loading_s', 30, 12], ['warmup_s', 42, 3], ['total_s', 0, 51],
    ]);
  });
});

describe('a matrix', () => {
  const cell = (n: number, model: string, engine: CellReport['engine'], state: CellReport['state']): CellReport => ({
    cell: n, model, engine, gpu: 'H200', gpu_count: 1, state, attempts: 2, group: 0, priority: 0, spent_usd: '1.50', reason: state === 'failed' ? 'engine_lost' : null,
  });
  it('has a place for each model on each engine, also one without a cell', () => {
    const grid = gridOf([cell(1, 'A', 'sglang', 'failed'), cell(0, 'A', 'vllm', 'done'), cell(2, 'B', 'vllm', 'planned')]);
    expect(grid.columns.map(({ key }) => key)).toEqual(['vllm H200', 'sglang H200']);
    expect(grid.rows.map(({ model, cells }) => [model, cells.map((place) => place.map(({ state }) => state))])).toEqual([
      ['A', [['done'], ['failed']]], ['B', [['planned'], []]],
    ]);
  });
  it('says why a cell failed', () => {
    expect(cellInWords(cell(1, 'A', 'sglang', 'failed'))).toBe('failed, engine_lost, 2 tries, USD 1.50');
  });
});
