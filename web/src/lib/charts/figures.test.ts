import { describe, expect, it } from 'vitest';
import { accessorOf, intervalOf, pair } from './figures';

describe('the interval of a figure', () => {
  it('is as the API has it', () => {
    expect(intervalOf([90, 110])).toEqual([90, 110]);
    expect(accessorOf('tps', (row: number[]) => ({ ci95: row })).ci?.([90, 110])).toEqual([90, 110]);
  });

  it('is cut off at 0, where no rate or time is', () => {
    expect(intervalOf([-20, 60])).toEqual([0, 60]);
  });

  it('of a difference may be below 0', () => {
    expect(pair([-20, 60])).toEqual([-20, 60]);
  });

  it('is not known where the API has none', () => {
    expect(intervalOf(null)).toBeNull();
    expect(intervalOf([])).toBeNull();
  });
});
