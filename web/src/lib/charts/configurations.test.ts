// What is common goes into the title, what differs into the legend; looks never repeat within a dozen.
import { describe, expect, it } from 'vitest';
import { engineFamily, lookOf, looksOf } from './colors';
import { barsOf } from './compared';
import { configurationKey, groupsOf, inWords, lineGroups } from './configurations';
import { METRICS } from './figures';
import { inOrder, measuredLevel, publishedLevel } from './levels';
import { readFileSync } from 'node:fs';

const base = { model: 'Llama 3.1 8B', engine: 'VLLM', gpu: 'H200 SXM', gpu_count: 1, precision: 'bf16', server: 'Runpod', prompt_set: 'abcdef99' };

describe('configurations', () => {
  it('are told apart by what differs alone', () => {
    const { common, labels } = inWords([base, { ...base, engine: 'SGLang', gpu_count: 2 }]);
    expect(common).toBe('Llama 3.1 8B · bf16');
    expect(labels).toEqual(['VLLM · H200 SXM', 'SGLang · 2 × H200 SXM']);
  });
  it('name prompts and place only where these differ', () => {
    expect(inWords([base, { ...base, prompt_set: '123456aa' }]).labels).toEqual(['prompts abcdef', 'prompts 123456']);
    expect(inWords([base])).toEqual({ common: 'Llama 3.1 8B · VLLM · H200 SXM · bf16', labels: ['VLLM'] });
  });
  it('are labelled where their figures weigh less', () => {
    const notes = (of: object, origin = 'measured', llm_id = 'x') => groupsOf([{ ...base, ...of }], [{ origin, llm_id }]).groups[0]?.note;
    expect(notes({})).toBeUndefined();
    expect(notes({}, 'imported')).toBe('imported');
    expect(notes({ engine: 'truth' })).toBe('simulated engine');
    expect(notes({}, 'measured', 'truth')).toBe('simulated engine');
    expect(notes({ gpu_count: 0 })).toBe('CPU');
  });
  it('have keys that an address can hold', () => {
    expect(configurationKey(base)).toBe('llama-3.1-8b-vllm-h200-sxm-bf16-runpod-prompts-abcdef');
  });
  it('have a line for each origin and each name of the model, told apart in words', () => {
    const line = (origin: string, llm_id: string) => ({ configuration: base, origin, llm_id });
    const { groups } = lineGroups([line('measured', 'a/llama'), line('imported', 'a/llama'), line('measured', 'truth'), line('measured', 'b/llama')]);
    expect(new Set(groups.map(({ key }) => key)).size).toBe(4);
    expect(groups.map(({ label, note }) => [label, note])).toEqual([
      ['VLLM · a/llama', undefined], ['VLLM', 'imported'], ['VLLM', 'simulated engine'], ['VLLM · b/llama', undefined],
    ]);
  });
});

describe('looks', () => {
  it('have a shape an engine, whatever its name is written like', () => {
    expect(['LLAMACPP', 'llama.cpp', 'LlamaCPP'].map(engineFamily)).toEqual(['llamacpp', 'llamacpp', 'llamacpp']);
    expect(new Set(['vllm', 'sglang', 'ollama', 'llama.cpp', 'truth', 'other'].map((engine) => lookOf(engine).shape)).size).toBe(6);
  });
  it('do not repeat within twelve of an engine', () => {
    const looks = looksOf(Array.from({ length: 12 }, () => 'VLLM')).map((look) => look.colour + look.dash);
    expect(new Set(looks).size).toBe(12);
  });
});

describe('bars', () => {
  it('have the interval of the difference as a share of the baseline', () => {
    const values = [
      { id: 'a', value: 50, verdict: 'baseline' as const, words: '' },
      { id: 'b', value: 60, relative: 0.2, verdict: 'worse' as const, words: '', test: { difference: 9, ci95: [5, 15], method: 'welch', n: [9, 9], p: 0.01, p_corrected: 0.02 } },
      { id: 'c', verdict: 'missing' as const, words: '' },
    ];
    const sides = ['a', 'b', 'c'].map((id) => ({ id, label: id, engine: 'VLLM' }));
    const bars = barsOf({ metric: 'ttft', unit: 'ms', more_is_better: false, values }, sides);
    expect(bars.map(({ relative, ci }) => [relative, ci])).toEqual([[0, null], [0.2, [0.1, 0.3]], [null, null]]);
  });
});

describe('levels', () => {
  const columns = {
    benchmark_type: 'concurrent' as const, rate: 4, benchmark_duration: 30, total_requests: 80, successful_requests: 78,
    output_tokens_per_second: 400, requests_per_second: 2.6, time_to_first_token_ms: 31, inter_token_latency_ms: 9, request_latency: 1.5,
  };
  const spread = { n: 78, mean: 30, p50: 29, p90: 35, p99: null, ci95: [28, 32], p50_ci95: null };
  it('have n and interval where they were measured here, and no made-up ones where not', () => {
    const level = measuredLevel({
      measured: { ...columns, percentiles: { request_latency: spread, time_to_first_token_ms: spread, inter_token_latency_ms: { ...spread, mean: null } } },
      precision: { output_tokens_per_second: { batches: 20, ci95: [390, 410] } },
    });
    expect(level.figures.ttft).toMatchObject({ value: 30, n: 78, ci95: [28, 32] });
    expect(level.figures.tps).toMatchObject({ value: 400, n: 20, ci95: [390, 410] });
    expect(level.figures.itl).toBeUndefined();
    expect(publishedLevel(columns).figures.ttft).toEqual({ value: 31, n: 0 });
  });
  it('are in the order of their streams, throughput last', () => {
    expect(inOrder([{ rate: null, figures: {} }, { rate: 9, figures: {} }, { rate: 1, figures: {} }]).map(({ rate }) => rate)).toEqual([1, 9, null]);
  });
});

describe('anchors into the methodology', () => {
  it('lead to headings that are there', () => {
    const text = readFileSync(new URL('../../../../docs/methodology.md', import.meta.url), 'utf8');
    const slugs = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^a-z0-9 -]/g, '').replaceAll(' ', '-'));
    for (const { anchor } of Object.values(METRICS)) expect(slugs).toContain(anchor);
  });
});
