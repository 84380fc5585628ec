import { describe, expect, it } from 'vitest';
import { chanceWords } from './words';

const test = { difference: 5, method: 'mann_whitney', n: [168, 1512], p: 0.00001, p_corrected: 0.00002 };
const value = { id: 'a', verdict: 'better' as const, words: 'as the API says', test };

describe('whether a difference is more than chance', () => {
  it('is said with the test and its samples', () => {
    expect(chanceWords(value)).toBe('more than chance: p < 0.0001 (Mann–Whitney, n 168 and 1,512)');
    expect(chanceWords({ ...value, verdict: 'no_difference_shown', test: { ...test, p_corrected: 0.0871 } })).toBe(
      'chance alone may do this: p = 0.09 (Mann–Whitney, n 168 and 1,512)');
  });

  it('keeps digits where they matter, and names of methods that it does not know', () => {
    expect(chanceWords({ ...value, test: { ...test, p_corrected: 0.00345, method: 'bootstrap' } })).toContain('p = 0.0034 (bootstrap');
  });

  it('is what the API says where nothing was tested', () => {
    expect(chanceWords({ ...value, test: null })).toBe('as the API says');
    expect(chanceWords({ ...value, verdict: 'not_known' })).toBe('as the API says');
  });
});
