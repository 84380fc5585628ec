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
  /**
   * Its 95 % interval: that of the difference of means ÷ the baseline's figure. A test of ranks has an interval of another
   * quantity, the typical shift between two requests, which need not even hold the bar's end: none is drawn of it.
   */
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
    const ci = of.test?.method === 'welch' ? pair(of.test.ci95) : null;
    return [{
      side, of, isBaseline,
      relative: isBaseline ? 0 : (of.relative ?? null),
      ci: ci && base ? [ci[0] / Math.abs(base), ci[1] / Math.abs(base)] : null,
    }];
  });
}

/** A name on lines of at most so many letters, broken between its parts or words. */
export function linesOf(name: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of name.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > letters) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
