// Whether a difference is more than chance, in words. The percentage beside it is that of the means; a test asks another question
// and has a difference of its own, so none is repeated here.
import type { Schema } from '../api/client';
import { count } from '../format';

const METHODS: Record<string, string> = { mann_whitney: 'Mann–Whitney', welch: 'Welch' };

/** `more than chance: p < 0.0001 (Welch, n 20 and 20)`; without a test what the API says. */
export function chanceWords(of: Schema<'ValueBeside'>): string {
  const { test, verdict } = of;
  if (!test || (verdict !== 'better' && verdict !== 'worse' && verdict !== 'no_difference_shown')) return of.words;
  const p = test.p_corrected < 0.0001 ? 'p < 0.0001' : `p = ${test.p_corrected.toFixed(test.p_corrected < 0.01 ? 4 : 2)}`;
  const said = verdict === 'no_difference_shown' ? 'chance alone may do this' : 'more than chance';
  return `${said}: ${p} (${METHODS[test.method] ?? test.method}, n ${test.n.map((n) => count(n)).join(' and ')})`;
}
