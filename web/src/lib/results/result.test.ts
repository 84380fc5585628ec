// Results of both origins as one shape: measured ones with n and interval, imported ones without any that nobody measured.
import { describe, expect, it } from 'vitest';
import { flagMeaning, flagName } from './flags';
import type { Schema } from '$lib/api/client';
import type { ResultReport } from './report';
import { comparability, failuresOf, publishedLevels, setupInWords, type Facts } from './result';

describe('an imported result', () => {
  const columns = (rate: number | null, known: object) =>
    ({ columns: { benchmark_type: rate === null ? 'throughput' : 'concurrent', rate, ...known }, figures: {}, measured_at: '' }) as unknown as Schema<'PublishedLevel'>;
  it('has every level by its streams, throughput last, and no interval that nobody knows', () => {
    const levels = publishedLevels({
      metrics: {},
      levels: [columns(null, { output_tokens_per_second: 900, time_to_first_token_ms: null }), columns(4, { output_tokens_per_second: 400.5, time_to_first_token_ms: 31 })],
    });
    expect(levels.map(({ rate, figures }) => [rate, figures.tps, figures.ttft?.value])).toEqual([
      [4, { value: 400.5, n: 0 }, 31], [null, { value: 900, n: 0 }, undefined],
    ]);
  });
  it('has no levels where its run had no results', () => {
    expect(publishedLevels({ metrics: {}, levels: [] })).toEqual([]);
  });
  it('has one level where a file told of one, and no figure that it did not tell', () => {
    expect(publishedLevels({ levels: [], metrics: { tps: { value: 1207 }, ttft: { value: 812 }, cost: { value: 3 } } })).toEqual([
      { rate: null, figures: { tps: { value: 1207, n: 0 }, ttft: { value: 812, n: 0 } } },
    ]);
  });
});

describe('failed requests', () => {
  it('are counted by code over all levels, the most frequent first', () => {
    const result = (rate: number | null, errors: Record<string, number>, error_samples = {}) =>
      ({ rate, errors, error_samples }) as unknown as ResultReport;
    expect(failuresOf([result(1, { timeout: 1 }), result(null, { timeout: 2, http_503: 9 }, { http_503: 'busy' })])).toEqual([
      { code: 'http_503', count: 9, levels: ['throughput'], sample: 'busy' },
      { code: 'timeout', count: 3, levels: ['1 stream', 'throughput'], sample: null },
    ]);
  });
});

describe('words', () => {
  const facts: Facts = {
    engine: 'VLLM', engine_version: '0.11', gpu: 'NVIDIA H200', gpu_count: 2, id: 'a', llm_id: 'x', measured_at: '', model: 'M',
    origin: 'measured', parameter_size: '7b', server: 'Runpod', status: 'succeeded',
  };
  it('say what ran where', () => {
    expect(setupInWords(facts)).toBe('VLLM 0.11 on 2 × NVIDIA H200');
    expect(setupInWords({ ...facts, engine_version: null, gpu_count: 0, gpu: 'CPU x' })).toBe('VLLM on CPU x');
  });
  it('say unknown where nothing is known of a setup', () => {
    const setup = { model: 'M', precision: null, context_tokens: null, parallel_slots: 4, prefix_caching: null, prompt_set_sha256: 'ab', gpu_id: 'CPU x', gpu_count: 0 };
    const words = Object.fromEntries(comparability([{ comparability: setup } as unknown as ResultReport]));
    expect(words).toMatchObject({ Precision: 'unknown', 'Prefix caching': 'unknown', GPU: 'CPU x', 'Parallel slots': '4' });
    expect(comparability([])).toEqual([]);
  });
  it('explain every flag, and own up to those they do not know', () => {
    expect(flagName('low_n')).toBe('low n');
    expect(flagMeaning('low_n')).toContain('10 requests');
    expect(flagMeaning('of_the_future')).toContain('newer version');
  });
});
