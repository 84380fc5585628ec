import { describe, expect, it } from 'vitest';
import { barsOf, linesOf, type Side } from './compared';
import type { MetricBeside } from './types';

const sides: Side[] = [{ id: 'a', label: 'A', engine: 'VLLM' }, { id: 'b', label: 'B', engine: 'SGLang' }];
const metricOf = (method: string) =>
  ({
    metric: 'tps', more_is_better: true, unit: 'tokens/s',
    values: [
      { id: 'a', value: 200, verdict: 'baseline', words: '' },
      { id: 'b', value: 250, relative: 0.25, verdict: 'better', words: '', test: { method, ci95: [20, 80], difference: 50, n: [20, 20], p: 0.01, p_corrected: 0.01 } },
    ],
  }) as unknown as MetricBeside;

describe('bars of differences', () => {
  it('have the interval of the difference of means, as a share of the baseline', () => {
    expect(barsOf(metricOf('welch'), sides).map(({ relative, ci }) => [relative, ci])).toEqual([[0, null], [0.25, [0.1, 0.4]]]);
  });

  it('have none of a test of ranks, whose interval is of another quantity', () => {
    expect(barsOf(metricOf('mann_whitney'), sides)[1]?.ci).toBeNull();
  });
});

describe('a name on lines', () => {
  it('breaks between words, loses none, and keeps a short name whole', () => {
    expect(linesOf('VLLM · NVIDIA H100 80GB HBM3 · bf16 · 2026-11-25 (1)', 30)).toEqual(['VLLM · NVIDIA H100 80GB HBM3 ·', 'bf16 · 2026-11-25 (1)']);
    expect(linesOf('VLLM', 30)).toEqual(['VLLM']);
  });

  it('has a word that is too long on a line of its own', () => {
    expect(linesOf('a averyveryverylongword b', 5)).toEqual(['a', 'averyveryverylongword', 'b']);
  });
});
