import { describe, expect, it } from 'vitest';
import { halfWidth, interpolate, relativeChange } from './stats';

describe('changes', () => {
  it('are shares of the baseline', () => {
    expect(relativeChange(150, 100)).toBe(0.5);
    expect(relativeChange(50, 100)).toBe(-0.5);
    expect(relativeChange(-50, -100)).toBe(0.5);
  });

  it('are not known against 0 or nothing', () => {
    expect(relativeChange(1, 0)).toBeNull();
    expect(relativeChange(null, 5)).toBeNull();
    expect(relativeChange(5, undefined)).toBeNull();
  });
});

describe('intervals', () => {
  it('say how precise a figure is', () => {
    expect(halfWidth(100, [95, 105])).toBeCloseTo(0.05);
    expect(halfWidth(100, null)).toBeNull();
    expect(halfWidth(0, [-1, 1])).toBeNull();
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
