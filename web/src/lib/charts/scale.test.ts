// Domains come from what is visible, ticks are round, lines are straight.
import { describe, expect, it } from 'vitest';
import { domainOf, linePath, logTicks, niceLog, scaleOf, visibleValues } from './scale';
import { axisScale, seriesOf, type Group } from './series';
import { lookOf } from './colors';
import type { Accessor } from './accessor';

describe('a domain', () => {
  it('reaches over every value and every end of an interval', () => {
    expect(domainOf(visibleValues([2, 3], [[1, 2.5], null, [2.9, 9]]), { kind: 'linear' })).toEqual([1, 9]);
  });
  it('begins at 0 where lengths are compared, also below it', () => {
    expect(domainOf([2, 3], { kind: 'linear', fromZero: true })).toEqual([0, 3]);
    expect(domainOf([-2, 3], { kind: 'linear', fromZero: true })).toEqual([-2, 3]);
    expect(domainOf([0], { kind: 'linear', fromZero: true })).toEqual([0, 1]);
  });
  it('has room around a single value, and a shape without any', () => {
    expect(domainOf([4], { kind: 'linear' })).toEqual([2, 6]);
    expect(domainOf([], { kind: 'linear' })).toEqual([0, 1]);
    expect(domainOf([], { kind: 'log' })).toEqual([1, 10]);
  });
  it('leaves out what a log scale cannot show', () => {
    expect(domainOf([0, -1, 3, 300, NaN], { kind: 'log' })).toEqual([3, 300]);
  });
});

describe('a scale', () => {
  it('maps its domain to its range, upwards where the range says so', () => {
    const y = scaleOf([0, 97], [200, 0], { kind: 'linear', fromZero: true });
    expect(y.domain).toEqual([0, 100]);
    expect([y(0), y(50), y(100)]).toEqual([200, 100, 0]);
    expect(y.invert(100)).toBe(50);
  });
  it('gives equal ratios equal distances on a log axis', () => {
    const y = scaleOf([1, 1000], [0, 300], { kind: 'log' });
    expect(y(10) - y(1)).toBeCloseTo(100);
    expect(y(1000) - y(100)).toBeCloseTo(100);
  });
  it('has round log bounds and ticks of 1, 2, 5 where they have room', () => {
    expect(niceLog([1037, 4100])).toEqual([1000, 5000]);
    expect(niceLog([0.03, 0.05])).toEqual([0.02, 0.05]);
    expect(logTicks([1, 100], 7)).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logTicks([1, 1e6], 7)).toEqual([1, 10, 100, 1000, 1e4, 1e5, 1e6]);
    expect(logTicks([1, 1e12], 4).length).toBeLessThanOrEqual(5);
  });
  it('writes times as fine as they have to be told apart', () => {
    const labels = (ms: number) => scaleOf([0, ms], [0, 500], { kind: 'time' }).ticks(4).map(({ label }) => label);
    for (const ms of [3e4, 6e5, 1e7, 2e8, 2e9, 9e10]) expect(new Set(labels(ms)).size).toBe(labels(ms).length);
  });
  it('writes days in UTC', () => {
    const x = scaleOf([Date.UTC(2026, 10, 1), Date.UTC(2026, 10, 20)], [0, 500], { kind: 'time' });
    expect(x.ticks(4).map(({ label }) => label)).toContain('Nov 8');
  });
});

describe('a line', () => {
  it('is straight segments, and breaks where nothing is known', () => {
    expect(linePath([[0, 0], [10, 5.123], [NaN, 3], [20, 1], [30, 2]])).toBe('M0,0L10,5.12M20,1L30,2');
  });
});

describe('series that are switched off', () => {
  interface Row { of: string; x: number; y: number; ci?: [number, number] }
  const rows: Row[] = [{ of: 'a', x: 1, y: 1 }, { of: 'a', x: 2, y: 2, ci: [1, 4] }, { of: 'b', x: 9, y: 900 }];
  const axis = (key: 'x' | 'y'): Accessor<Row> => ({
    key, label: key, unit: '', better: 'higher', format: String, value: (row) => row[key], ci: (row) => row.ci ?? null,
  });
  const groups: Group[] = ['a', 'b'].map((key) => ({ key, label: key, ...lookOf('VLLM') }));
  it('do not stretch the axes, and intervals do', () => {
    const visible = seriesOf(rows, groups.slice(0, 1), (row) => row.of, axis('x'), axis('y'));
    expect(axisScale(visible, 'y', [100, 0], 'linear', true).domain).toEqual([0, 4]);
    const wide = [{ of: 'a', x: 1, y: 5, ci: [-20, 30] as [number, number] }];
    expect(axisScale(seriesOf(wide, groups, (row) => row.of, axis('x'), axis('y')), 'y', [100, 0], 'linear').domain[0]).toBe(0);
    const all = seriesOf(rows, groups, (row) => row.of, axis('x'), axis('y'));
    expect(axisScale(all, 'y', [100, 0], 'linear', true).domain[1]).toBeGreaterThanOrEqual(900);
  });
});
