// Reading frontiers at one speed: between points by a straight line, outside of them not at all.
import { describe, expect, it } from 'vitest';
import { atSpeed, commonSpeed } from './speed';
import type { Frontier } from './types';

function frontier(more: boolean, lines: Record<string, [x: number, y: number][]>): Frontier {
  const axis = { title: '', unit: '', more_is_better: more };
  return {
    x: axis, y: axis, left_out: 0,
    lines: Object.entries(lines).map(([engine, points]) => ({
      configuration: { engine }, run: { id: engine }, runs: 1, points: points.map(([x, y]) => ({ x, y, pareto: false, benchmark_type: 'concurrent' })),
    })) as unknown as Frontier['lines'],
  };
}
const lines = { a: [[100, 10], [50, 110]] as [number, number][], b: [[90, 30], [60, 40]] as [number, number][], c: [[20, 900], [10, 999]] as [number, number][], d: [] };

describe('at one speed', () => {
  it('the best comes first, interpolated between two points, and what was not measured there last without a value', () => {
    const found = atSpeed(frontier(true, lines), 75).map(({ line, value }) => [line.run.id, value]);
    expect(found).toEqual([['a', 60], ['b', 35], ['c', null]]);
  });
  it('less is better of a price', () => {
    expect(atSpeed(frontier(false, lines), 75).map(({ line }) => line.run.id)).toEqual(['b', 'a', 'c']);
  });
  it('says what was measured, for who asks outside of it', () => {
    expect(atSpeed(frontier(true, lines), 75).at(-1)?.measured).toEqual([10, 20]);
  });
  it('begins in the middle of what all have in common', () => {
    expect(commonSpeed(frontier(true, { a: lines.a, b: lines.b }))).toBe(75);
    expect(commonSpeed(frontier(true, {}))).toBeNull();
  });
});
