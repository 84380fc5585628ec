import { describe, expect, it } from 'vitest';
import type { RunFacts } from '../runs/facts';
import { concurrentLevels, differencesOf, levelKey, levelOf, sidesOf, type Compared } from './levels';

const run = (id: string, engine: string, measured_at = '2026-11-24T00:00:00Z'): RunFacts => ({
  id, engine, gpu: 'NVIDIA L4', gpu_count: 1, llm_id: 'm', measured_at, model: 'Llama', origin: 'measured', parameter_size: '8b',
  server: 'Runpod', status: 'succeeded',
});

const value = (id: string, value: number | null) => ({ id, value, verdict: 'missing' as const, words: '' });
const compared: Compared = {
  baseline: 'a', alpha: 0.05, method: '', view: 'compat', fairness: [], runs: [run('a', 'VLLM'), run('b', 'SGLang')],
  levels: [
    { benchmark_type: 'concurrent', rate: 1, metrics: [{ metric: 'ttft', more_is_better: false, unit: 'ms', values: [value('a', 10), value('b', null)] }] },
    { benchmark_type: 'concurrent', rate: 2, metrics: [{ metric: 'odd', more_is_better: false, unit: '', values: [value('a', 1)] }] },
    { benchmark_type: 'throughput', rate: null, metrics: [] },
  ],
};

describe('levels of a comparison', () => {
  it('have a name in the URL, and throughput is meant where none is said', () => {
    expect(compared.levels.map(levelKey)).toEqual(['1', '2', 'throughput']);
    expect(levelKey(levelOf(compared, '2')!)).toBe('2');
    expect(levelKey(levelOf(compared, '')!)).toBe('throughput');
    expect(levelKey(levelOf(compared, '99')!)).toBe('throughput');
    expect(levelOf({ ...compared, levels: [] }, '')).toBeUndefined();
  });

  it('are lines of what was measured, and nothing where a run has none', () => {
    expect(concurrentLevels(compared, 'a')).toEqual([{ rate: 1, figures: { ttft: { value: 10, n: 0 } } }]);
    expect(concurrentLevels(compared, 'b')).toEqual([]);
  });
});

describe('names of runs', () => {
  it('are what tells them apart', () => {
    expect(sidesOf(compared.runs).map(({ label }) => label)).toEqual(['VLLM', 'SGLang']);
  });

  it('of the same set-up have their days', () => {
    const labels = sidesOf([run('a', 'VLLM'), run('b', 'VLLM', '2026-11-25T00:00:00Z')]).map(({ label }) => label);
    expect(labels).toEqual(['VLLM · 2026-11-24 (1)', 'VLLM · 2026-11-25 (2)']);
  });
});

describe('what runs differ in', () => {
  it('is read as the API tells it', () => {
    const fairness = { id: 'b', is_baseline: false, words: '', fair: false, differences: [{ field: 'precision', a: 'bf16', b: 'fp8' }, {}] };
    expect(differencesOf(fairness as never)).toEqual([{ field: 'precision', a: 'bf16', b: 'fp8' }]);
  });
});
