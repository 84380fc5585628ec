// One description of a figure, from which title, axis, tooltip, table, sort and export are all made: so they can't disagree.
// It must not know charts, pages or where the figures are from.

/** Which direction is good. `none`: a description, such as the number of streams. */
export type Better = 'higher' | 'lower' | 'none';

/** Lowest and highest of a 95 % confidence interval, in the unit of its value. */
export type Interval = readonly [low: number, high: number];

/** A figure of a row. `null` is "not known", never 0. */
export interface Accessor<T> {
  /** Name in exports, with the unit in it: `time_to_first_token_ms`. */
  key: string;
  /** Name for people: `Time to first token`. */
  label: string;
  /** `ms`, `tokens/s`, `USD`; empty for plain counts. */
  unit: string;
  better: Better;
  /** A value in words, without the unit. */
  format: (value: number) => string;
  value: (row: T) => number | null | undefined;
  ci?: (row: T) => Interval | null | undefined;
  /** Samples behind the value. */
  n?: (row: T) => number | null | undefined;
}

/** A text of a row: a column of the table and of exports. */
export interface TextColumn<T> {
  key: string;
  label: string;
  text: (row: T) => string;
  /** Where the text leads. */
  href?: (row: T) => string | undefined;
}

export type Column<T> = Accessor<T> | TextColumn<T>;

export function isAccessor<T>(column: Column<T>): column is Accessor<T> {
  return 'value' in column;
}

/** `Time to first token (ms)`: what an axis and a table's head say. */
export function axisTitle<T>(accessor: Accessor<T>): string {
  return accessor.unit === '' ? accessor.label : `${accessor.label} (${accessor.unit})`;
}

/** `lower is better`; empty where there is no better. */
export function betterWords(better: Better): string {
  return better === 'none' ? '' : `${better} is better`;
}

/** A value with its unit, or a dash where it isn't known. */
export function withUnit<T>(accessor: Accessor<T>, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const text = accessor.format(value);
  return accessor.unit === '' ? text : `${text} ${accessor.unit}`;
}

/** `Time to first token 12.3 ms (95 % CI 11.9 to 12.8, n 240)`: what tooltip and screen reader say of a row. */
export function describe<T>(accessor: Accessor<T>, row: T): string {
  const value = accessor.value(row);
  const ci = accessor.ci?.(row);
  const n = accessor.n?.(row);
  const spread = [
    ci ? `95 % CI ${accessor.format(ci[0])} to ${accessor.format(ci[1])}` : '',
    n === null || n === undefined ? '' : `n ${n}`,
  ].filter((part) => part !== '');
  const known = `${accessor.label} ${withUnit(accessor, value)}`;
  return spread.length === 0 ? known : `${known} (${spread.join(', ')})`;
}

/** What a table's cell shows. */
export function cellText<T>(column: Column<T>, row: T): string {
  if (!isAccessor(column)) return column.text(row);
  const value = column.value(row);
  return value === null || value === undefined ? '–' : column.format(value);
}

/** Orders rows by a column; what isn't known is last in both directions. */
export function compareRows<T>(column: Column<T>, descending: boolean): (a: T, b: T) => number {
  const sign = descending ? -1 : 1;
  if (!isAccessor(column)) {
    return (a, b) => sign * column.text(a).localeCompare(column.text(b), undefined, { numeric: true });
  }
  return (a, b) => {
    const [x, y] = [column.value(a) ?? null, column.value(b) ?? null];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return sign * (x - y);
  };
}
