// What a chart shows, as CSV and JSON: the columns of its table, each value with its interval and n.

import { toCsv, type Cell } from '$lib/export';
import { isAccessor, type Column } from './accessor';


/** What a file says of where it is from. */
export interface Origin {
  title: string;
  /** Scope, direction, n and interval: the lines under the title. */
  scope: string;
  /** The address that shows the chart again. */
  url: string;
}

/** Names of a file's columns: the value, and behind it its interval and n where the column has them. */
export function exportHead<T>(columns: readonly Column<T>[]): string[] {
  return columns.flatMap((column) => [
    column.key,
    ...(isAccessor(column) && column.ci ? [`${column.key}_ci95_low`, `${column.key}_ci95_high`] : []),
    ...(isAccessor(column) && column.n ? [`${column.key}_n`] : []),
  ]);
}

function exportCells<T>(columns: readonly Column<T>[], row: T): Cell[] {
  return columns.flatMap((column): Cell[] => {
    if (!isAccessor(column)) return [column.text(row)];
    const ci = column.ci?.(row);
    return [
      column.value(row) ?? null,
      ...(column.ci ? [ci?.[0] ?? null, ci?.[1] ?? null] : []),
      ...(column.n ? [column.n(row) ?? null] : []),
    ];
  });
}

/** The rows as CSV: full precision, empty where nothing is known. */
export function rowsAsCsv<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  return toCsv(exportHead(columns), rows.map((row) => exportCells(columns, row)));
}

/** The rows as JSON, with what they are. */
export function rowsAsJson<T>(columns: readonly Column<T>[], rows: readonly T[], origin: Origin): string {
  const head = exportHead(columns);
  const described = columns.filter(isAccessor).map(({ key, label, unit, better }) => ({ key, label, unit, better }));
  const data = rows.map((row) => Object.fromEntries(exportCells(columns, row).map((value, at) => [head[at] ?? '', value])));
  return JSON.stringify({ ...origin, columns: described, rows: data }, null, 2);
}
