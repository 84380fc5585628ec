// What the API says of a figure of several runs, as bars: by how much each differs from the baseline, in percent, with its interval.

import type { Interval } from './accessor';
import { pair } from './figures';
import type { MetricBeside, ValueBeside } from './types';

/** A run of a comparison, with a name for people. */
export interface Side {
  id: string;
  label: string;
  engine: string;
  note?: string | undefined;
}

export interface Bar {
  side: Side;
  of: ValueBeside;
  isBaseline: boolean;
  /** (run − baseline) ÷ baseline; null: one of them isn't known. */
  relative: number | null;
  /** Its 95 % interval: that of the difference ÷ the baseline's figure. */
  ci: Interval | null;
}

/** A verdict as an icon and a word: no meaning rests on colour alone. */
export const VERDICTS: Record<ValueBeside['verdict'], { icon: string; word: string; tone: 'good' | 'bad' | 'calm' }> = {
  baseline: { icon: '●', word: 'baseline', tone: 'calm' },
  better: { icon: '▲', word: 'better', tone: 'good' },
  worse: { icon: '▼', word: 'worse', tone: 'bad' },
  no_difference_shown: { icon: '≈', word: 'no difference shown', tone: 'calm' },
  not_known: { icon: '?', word: 'not known', tone: 'calm' },
  missing: { icon: '–', word: 'missing', tone: 'calm' },
};

/** Bars in the order of the sides. */
export function barsOf(metric: MetricBeside, sides: readonly Side[]): Bar[] {
  const base = metric.values.find(({ verdict }) => verdict === 'baseline')?.value;
  return sides.flatMap((side): Bar[] => {
    const of = metric.values.find(({ id }) => id === side.id);
    if (!of) return [];
    const isBaseline = of.verdict === 'baseline';
    const ci = pair(of.test?.ci95);
    return [{
      side, of, isBaseline,
      relative: isBaseline ? 0 : (of.relative ?? null),
      ci: ci && base ? [ci[0] / Math.abs(base), ci[1] / Math.abs(base)] : null,
    }];
  });
}
