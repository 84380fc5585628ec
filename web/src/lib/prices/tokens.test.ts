// A price per hour as a price per token, and names in addresses.
import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { bySlug, slugOf } from '$lib/catalog/slug';
import { ALL_BANDS, freshness } from './freshness';
import { fastestByGpu, usdPerMillion } from './tokens';

const run = (id: string, gpu: string, gpu_count: number, tps?: number) =>
  ({ id, gpu, gpu_count, engine: 'VLLM', metrics: tps === undefined ? {} : { tps: { value: tps } } }) as unknown as Schema<'ExploredRun'>;

describe('a price per hour', () => {
  it('is worth so many tokens', () => {
    expect(usdPerMillion(3.6, 1000)).toBeCloseTo(1);
    expect(usdPerMillion(3.6, 0)).toBeNull();
  });
  it('is set against the fastest result of one GPU, not of the machine', () => {
    const fastest = fastestByGpu([run('a', 'H100', 1, 900), run('b', 'H100', 4, 3000), run('c', 'L40S', 2, 500), run('d', 'CPU', 0, 9), run('e', 'L40S', 1)]);
    const simulated = { ...run('s', 'H100', 1, 99_999), llm_id: 'truth' };
    expect(fastestByGpu([simulated]).size).toBe(0);
    expect([...fastest].map(([gpu, speed]) => [gpu, speed.result, speed.outputTokensPerSecondPerGpu])).toEqual([['H100', 'a', 900], ['L40S', 'c', 250]]);
  });
});

describe('bands', () => {
  it('have a word, an icon and a meaning each', () => {
    expect(ALL_BANDS.map((band) => freshness(band).word)).toEqual(['fresh', 'stale', 'old', 'hidden']);
    expect(new Set(ALL_BANDS.map((band) => freshness(band).icon)).size).toBe(4);
  });
});

describe('slugs', () => {
  it('lead back to what they were made of, by any of its names', () => {
    const gpus = [{ id: 'NVIDIA H100 80GB HBM3', name: 'H100 SXM' }, { id: 'NVIDIA RTX 4090', name: 'RTX 4090' }];
    const names = (gpu: (typeof gpus)[number]) => [gpu.id, gpu.name];
    expect(slugOf('meta-llama/Llama-3.1-8B')).toBe('meta-llama-llama-3.1-8b');
    expect(bySlug(gpus, 'h100-sxm', names)?.id).toBe('NVIDIA H100 80GB HBM3');
    expect(bySlug(gpus, 'NVIDIA RTX 4090', names)?.name).toBe('RTX 4090');
    expect(bySlug(gpus, 'voodoo-2', names)).toBeUndefined();
  });
});
