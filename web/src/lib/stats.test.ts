import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halfWidth, interpolate, interval, median, overlap, quantile, relativeChange } from './stats';

describe('quantiles', () => {
  it('lie between the values that they split', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6);
    expect(quantile([], 0.5)).toBeNull();
  });

  it('never leave the range of the values, and never fall', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (all, a, b) => {
      const [low, high] = [quantile(all, Math.min(a, b))!, quantile(all, Math.max(a, b))!];
      expect(low).toBeGreaterThanOrEqual(all[0]! - 1e-6);
      expect(high).toBeLessThanOrEqual(all.at(-1)! + 1e-6);
      expect(high - low).toBeGreaterThanOrEqual(-1e-6);
    }));
  });

  it('give a median whatever the order', () => expect(median([9, 1, 5])).toBe(5));
});

describe('changes', () => {
  it('are shares of the baseline', () => {
    expect(relativeChange(150, 100)).toBe(0.5);
    expect(relativeChange(50, 100)).toBe(-0.5);
  });

  it('are not known against 0 or nothing', () => {
    expect(relativeChange(1, 0)).toBeNull();
    expect(relativeChange(null, 5)).toBeNull();
    expect(relativeChange(5, undefined)).toBeNull();
  });
});

describe('intervals', () => {
  it('overlap where they share a value', () => {
    expect(overlap([1, 3], [3, 5])).toBe(true);
    expect(overlap([1, 2], [3, 5])).toBe(false);
    expect(overlap([2, 9], [3, 5])).toBe(true);
  });

  it('are read from pairs of numbers alone', () => {
    expect(interval([1, 2])).toEqual([1, 2]);
    expect(interval([1])).toBeNull();
    expect(interval([1, Number.NaN])).toBeNull();
    expect(interval(null)).toBeNull();
  });

  it('say how precise a figure is', () => {
    expect(halfWidth(100, [95, 105])).toBeCloseTo(0.05);
    expect(halfWidth(100, null)).toBeNull();
  });
});

describe('interpolation', () => {
  const points = [[10, 100], [1, 10], [5, 50]] as const;

  it('is straight between neighbours, in any order', () => {
    expect(interpolate(points, 7.5)).toBe(75);
    expect(interpolate(points, 5)).toBe(50);
  });

  it('knows nothing outside of what was measured', () => {
    expect(interpolate(points, 0.5)).toBeNull();
    expect(interpolate(points, 11)).toBeNull();
    expect(interpolate([], 1)).toBeNull();
  });
});
