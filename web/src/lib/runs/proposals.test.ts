import { describe, expect, it } from 'vitest';
import { parseRunFilters } from './filters';
import { runProposals } from './proposals';

const shown = (typed: string) => runProposals(typed).map((one) => one.shown);

describe('proposals for filters of runs', () => {
  it('are names of filters, as they are typed', () => {
    expect(shown('')).toEqual(['state:', 'engine:', 'provider:', 'model:', 'gpu:', 'since:', 'until:']);
    expect(shown('state:failed en')).toEqual(['engine:']);
  });

  it('are the words that a filter may be, and keep what was typed before', () => {
    expect(runProposals('gpu:h100 state:f')).toEqual([{ text: 'gpu:h100 state:failed ', shown: 'state:failed', says: '' }]);
    expect(shown('since:3')).toEqual(['since:30d']);
  });

  it('are nothing where any text may follow, or the word is whole', () => {
    expect(shown('model:ll')).toEqual([]);
    expect(shown('state:failed')).toEqual([]);
    expect(shown('colour:r')).toEqual([]);
  });

  it('all mean something', () => {
    for (const name of ['state:', 'engine:', 'provider:', 'since:']) {
      for (const { text } of runProposals(name)) expect(parseRunFilters(text).problems).toEqual([]);
    }
  });
});
