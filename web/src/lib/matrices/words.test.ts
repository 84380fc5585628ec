import { expect, it } from 'vitest';
import { cellsOf, countsInWords, resumable } from './words';

const counts = { planned: 9, waiting: 0, running: 0, done: 6, failed: 2, skipped: 1, cancelled: 0 };

it('says of cells what there is and nothing else', () => {
  expect(countsInWords(counts)).toBe('6 done, 2 failed, 1 skipped');
  expect(countsInWords({ ...counts, done: 0, failed: 0, skipped: 0 })).toBe('no cells');
});

it('counts each cell once, wherever it is', () => {
  expect(cellsOf(counts)).toBe(9);
});

it('a resume takes up what failed, was skipped or cancelled', () => {
  expect(resumable({ ...counts, cancelled: 4 })).toBe(7);
});
