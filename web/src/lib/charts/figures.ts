// The figures that are measured: names, units, which way is better, how they are written, and where their method is
// described. The one list that every chart and page takes them from.

import { number } from '$lib/format';
import type { Accessor, Better } from './accessor';
import type { Figure } from './types';

export type MetricKey = 'tps' | 'ttft' | 'itl' | 'latency' | 'rps' | 'cost';

export interface Metric {
  key: string;
  label: string;
  unit: string;
  better: Better;
  format: (value: number) => string;
  /** The heading of the methodology that describes it. */
  anchor: string;
}

/** US dollars without their sign, since the unit says it: cents, and more digits below a dollar. */
export function dollars(value: number): string {
  const digits = Math.abs(value) >= 1 ? 2 : Math.abs(value) >= 0.01 ? 3 : 5;
  return value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: digits });
}

/** A change in percent with its sign: `+4.2`, `−12`. */
export function points(share: number): string {
  const value = share * 100;
  const text = Math.abs(value) >= 100 ? Math.abs(value).toFixed(0) : Math.abs(value).toFixed(1);
  return `${value < 0 ? '−' : value > 0 ? '+' : ''}${text}`;
}

export const METRICS: Record<MetricKey, Metric> = {
  tps: {
    key: 'output_tokens_per_second', label: 'Output throughput', unit: 'tokens/s', better: 'higher', format: number,
    anchor: 'the-17-columns',
  },
  ttft: {
    key: 'time_to_first_token_ms', label: 'Time to first token', unit: 'ms', better: 'lower', format: number,
    anchor: 'symbols-and-clocks',
  },
  itl: {
    key: 'inter_token_latency_ms', label: 'Inter-token latency', unit: 'ms', better: 'lower', format: number,
    anchor: 'the-17-columns',
  },
  latency: {
    key: 'request_latency_s', label: 'Request latency', unit: 's', better: 'lower', format: number, anchor: 'the-17-columns',
  },
  rps: {
    key: 'requests_per_second', label: 'Request rate', unit: 'requests/s', better: 'higher', format: number,
    anchor: 'the-17-columns',
  },
  cost: {
    key: 'usd_per_million_output_tokens', label: 'Price of output', unit: 'USD per million tokens', better: 'lower', format: dollars,
    anchor: 'cost',
  },
};

/** A metric of rows, by where they have its figure. */
export function accessorOf<T>(metric: MetricKey, figure: (row: T) => Partial<Figure> | null | undefined): Accessor<T> {
  const { key, label, unit, better, format } = METRICS[metric];
  return {
    key, label, unit, better, format,
    value: (row) => figure(row)?.value,
    ci: (row) => intervalOf(figure(row)?.ci95),
    n: (row) => figure(row)?.n,
  };
}

/** An interval as the API gives it, which may be one of differences. */
export function pair(ci: readonly number[] | null | undefined): readonly [number, number] | null {
  const [low, high] = ci ?? [];
  return low === undefined || high === undefined ? null : [low, high];
}

/** The interval of a figure. No rate, time or price is below 0, so an interval of few samples that reaches there is cut off. */
export function intervalOf(ci: readonly number[] | null | undefined): readonly [number, number] | null {
  const bounds = pair(ci);
  return bounds && [Math.max(0, bounds[0]), Math.max(0, bounds[1])];
}

/** A point in time, for the x axis of trends and prices: ms since 1970. */
export function timeAccessor<T>(value: (row: T) => string, label = 'Measured'): Accessor<T> {
  return { key: 'at_ms', label, unit: '', better: 'none', format: day, value: (row) => Date.parse(value(row)) };
}

/** `2026-11-24 08:30 UTC`, without the time at midnight. */
export function day(ms: number): string {
  const text = new Date(ms).toISOString();
  const time = text.slice(11, 16);
  return time === '00:00' ? text.slice(0, 10) : `${text.slice(0, 10)} ${time} UTC`;
}

/** An accessor without the interval and n of its figure: what a chart of many lines says of a point beside its main figure. */
export function plain<T>(key: string, label: string, unit: string, value: (row: T) => number | null | undefined): Accessor<T> {
  return { key, label, unit, better: 'none', format: number, value };
}
