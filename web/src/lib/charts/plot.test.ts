// Where points, lines, bands and whiskers lie.
import { describe, expect, it } from 'vitest';
import type { Accessor, Interval } from './accessor';
import { lookOf } from './colors';
import { bandOf, labelled, lineOf, nearestPoint, plotOf, whisker, type PlotOptions } from './plot';
import { seriesOf } from './series';

interface Row { x: number; y: number; ci?: Interval }
const axis = (key: 'x' | 'y'): Accessor<Row> => ({ key, label: key, unit: '', better: 'none', format: String, value: (row) => row[key], ci: (row) => row.ci ?? null });
const rows: Row[] = [{ x: 0, y: 0 }, { x: 10, y: 100, ci: [-40, 100] }];
const options: PlotOptions<Row> = { width: 640, height: 300, x: axis('x'), y: axis('y'), xKind: 'linear', log: false, fromZero: true, steps: false };
const seriesWith = (of: readonly Row[]) => seriesOf(of, [{ key: 'a', label: 'a', ...lookOf('VLLM') }], () => 'a', axis('x'), axis('y'));
const series = seriesWith(rows);
const plot = plotOf(series, options);
const marks = series[0]?.marks ?? [];

describe('a plot', () => {
  it('keeps all of its points inside', () => {
    for (const mark of marks) {
      const [x, y] = plot.at(mark);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(plot.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(plot.height);
    }
    expect(plot.left + plot.width).toBeLessThanOrEqual(options.width);
  });
  it('leaves more room for longer labels', () => {
    const long = plotOf(series, { ...options, y: { ...axis('y'), format: (value) => `${value}.000` } });
    expect(long.left).toBeGreaterThan(plot.left);
  });
  it('draws a whisker that ends at the axis without a cap there, and one inside with two', () => {
    const [, mark] = marks;
    const at = plot.at(mark!);
    expect(whisker(at, [-40, 100], plot).match(/h8/g)).toHaveLength(1);
    expect(whisker(at, [40, 100], plot).match(/h8/g)).toHaveLength(2);
    expect(whisker(at, [-40, 100], plot)).not.toContain('NaN');
  });
  it('draws whiskers on a log axis down to it, never beyond', () => {
    const log = plotOf(seriesWith([{ x: 1, y: 10 }, { x: 2, y: 100 }]), { ...options, log: true, fromZero: false });
    expect(whisker([0, 0], [-5, 50], log)).toMatch(new RegExp(`^M0 ${log.height}V`));
  });
  it('keeps a price until the next one where it is drawn in steps', () => {
    expect(lineOf(marks, plot, false).match(/L/g)).toHaveLength(1);
    expect(lineOf(marks, plot, true).match(/L/g)).toHaveLength(2);
  });
  it('closes a band, and scales it in', () => {
    const band = (row: Row): Interval => [row.y - 5, row.y + 400];
    const banded = plotOf(series, { ...options, band });
    expect(banded.yScale.domain[1]).toBeGreaterThanOrEqual(500);
    expect(bandOf(marks, banded, band, false)).toMatch(/^M.*Z$/);
    expect(bandOf(marks.slice(0, 1), banded, band, false)).toBe('');
  });
  it('finds the nearest point within reach', () => {
    const [x, y] = plot.at(marks[1]!);
    expect(nearestPoint(series, plot, [x + 5, y - 5], 40)).toEqual({ series: 0, index: 1 });
    expect(nearestPoint(series, plot, [x / 2, y + 100], 40)).toBeNull();
  });
  it('labels no two points that lie on each other', () => {
    const crowded = seriesWith([{ x: 1, y: 1 }, { x: 1.001, y: 1 }, { x: 9, y: 9 }]);
    expect(labelled(crowded, plotOf(crowded, options)).size).toBe(2);
  });
});
