import { describe, expect, it } from 'vitest';
import { caveats, resultHref, runLabel, type RunFacts } from './facts';

const run: RunFacts = {
  id: 'pod/1', engine: 'vLLM', gpu: 'NVIDIA H200', gpu_count: 2, llm_id: 'x', measured_at: '2026-11-24T00:00:00Z', model: 'Llama 3.1 8B',
  origin: 'measured', parameter_size: '8b', server: 'Runpod', status: 'succeeded',
};

describe('a run in words', () => {
  it('has a page whatever its id is', () => expect(resultHref('pod/1 ?')).toBe('/results/pod%2F1%20%3F'));
  it('is told from others by model, engine and GPUs', () => expect(runLabel(run)).toBe('Llama 3.1 8B · vLLM · 2 × NVIDIA H200'));
});

describe('what figures have to be read with', () => {
  it('is nothing for a run that was measured here on a GPU', () => expect(caveats(run)).toEqual([]));
  it('is said of what was imported, simulated, or ran on a CPU', () => {
    expect(caveats({ ...run, origin: 'imported' }).map(({ text }) => text)).toEqual(['imported']);
    expect(caveats({ ...run, gpu_count: 0 }).map(({ text }) => text)).toEqual(['CPU']);
    expect(caveats({ ...run, engine: 'truth', origin: 'imported' }).map(({ text }) => text)).toEqual(['simulated engine', 'imported']);
  });
  it('always says why', () => {
    for (const { why } of caveats({ ...run, engine: 'truth', origin: 'imported', gpu_count: 0 })) expect(why).not.toBe('');
  });
});
