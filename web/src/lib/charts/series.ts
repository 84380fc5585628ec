// Rows of a chart as series of points. One accessor an axis gives both what is drawn and what is said of it.

import { betterWords, describe, isAccessor, type Accessor, type Column, type Interval } from './accessor';
import type { Look } from './colors';
import { scaleOf, visibleValues, type Scale, type ScaleKind } from './scale';

/** A series' name and look. */
export interface Group extends Look {
  key: string;
  label: string;
  /** What must be known of it, in a word or two: `simulated`, `imported`. */
  note?: string;
}

/** A point that is drawn, and the row it stands for. */
export interface Mark<T> {
  row: T;
  x: number;
  y: number;
  ci: Interval | null;
}

export interface Series<T> {
  group: Group;
  marks: Mark<T>[];
}

/** Series in the order of their groups, points by ascending x. Rows of which a figure isn't known have no point. */
export function seriesOf<T>(
  rows: readonly T[],
  groups: readonly Group[],
  groupOf: (row: T) => string,
  x: Accessor<T>,
  y: Accessor<T>,
  order: 'x' | 'rows' = 'x',
): Series<T>[] {
  return groups.map((group) => {
    const marks = rows
      .filter((row) => groupOf(row) === group.key)
      .flatMap((row): Mark<T>[] => {
        const [atX, atY] = [x.value(row), y.value(row)];
        if (atX === null || atX === undefined || atY === null || atY === undefined) return [];
        return [{ row, x: atX, y: atY, ci: y.ci?.(row) ?? null }];
      });
    return { group, marks: order === 'x' ? marks.sort((a, b) => a.x - b.x) : marks };
  });
}

/** An axis over what is visible. */
export function axisScale<T>(
  series: readonly Series<T>[],
  axis: 'x' | 'y',
  range: readonly [number, number],
  kind: ScaleKind,
  fromZero = false,
): Scale {
  const marks = series.flatMap((one) => one.marks);
  const measured = marks.map((mark) => mark[axis]);
  // Speeds and times are never below 0. An interval that reaches there says that little is known, not that they could be.
  const floor = measured.every((value) => value >= 0) ? 0 : -Infinity;
  const intervals = axis === 'y' ? marks.map(({ ci }): Interval | null => (ci ? [Math.max(ci[0], floor), ci[1]] : null)) : [];
  const values = visibleValues(measured, intervals);
  return scaleOf(values, range, { kind, fromZero: fromZero && kind === 'linear', padding: axis === 'x' ? 0.03 : 0 });
}

/** What is said of a point: its series, x, y, then the details. */
export function words<T>(group: Group, row: T, x: Accessor<T>, y: Accessor<T>, details: readonly Column<T>[] = []): string {
  const rest = details.map((column) => (isAccessor(column) ? describe(column, row) : `${column.label} ${column.text(row)}`));
  const name = group.note ? `${group.label} (${group.note})` : group.label;
  return [`${name}: ${describe(x, row)}`, describe(y, row), ...rest].join(', ');
}

/** `higher is better` of an axis, or of both where both have a better. */
export function directions<T>(x: Accessor<T>, y: Accessor<T>): string {
  const [of_x, of_y] = [betterWords(x.better), betterWords(y.better)];
  if (of_x === '') return of_y;
  if (of_x === of_y) return `${of_x} on both axes`;
  return `${x.label}: ${of_x}; ${y.label}: ${of_y}`;
}

/** `n 20 to 240, bars are 95 % confidence intervals`, or that nothing is known. */
export function spreadNote<T>(rows: readonly T[], y: Accessor<T>): string {
  const counts = rows.map((row) => y.n?.(row)).filter((n) => n !== null && n !== undefined);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const n = counts.length === 0 ? 'n isn’t known' : least === most ? `n ${least}` : `n ${least} to ${most}`;
  const known = rows.filter((row) => y.ci?.(row)).length;
  if (known === 0) return `${n}; no confidence interval is known`;
  const some = known === rows.length ? '' : ` where known (${known} of ${rows.length})`;
  return `${n}; bars are 95 % confidence intervals${some}`;
}
