import { describe, expect, it } from 'vitest';
import { halfWidth, relativeChange } from './stats';

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
