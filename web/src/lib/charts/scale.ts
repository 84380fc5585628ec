// Scales of the charts: domains from what is visible, ticks that people read easily, straight lines. It must not know Svelte
// or the DOM, so that all of it can be tested.

import { extent } from 'd3-array';
import { scaleLinear, scaleLog, scaleUtc } from 'd3-scale';
import { line } from 'd3-shape';
import type { Interval } from './accessor';

export type ScaleKind = 'linear' | 'log' | 'time';

export interface Tick {
  value: number;
  at: number;
  /** Empty: a mark without a label (log scales). */
  label: string;
}

export interface Scale {
  kind: ScaleKind;
  /** From a value to pixels. */
  (value: number): number;
  invert: (pixels: number) => number;
  domain: readonly [number, number];
  /** About so many. */
  ticks: (about: number, format?: (value: number) => string) => Tick[];
}

export interface ScaleOptions {
  kind: ScaleKind;
  /** Whether a linear scale begins at 0. Lengths of bars lie otherwise. */
  fromZero?: boolean;
  /** Room kept at both ends, as a share of the range of pixels; keeps markers off the edges. */
  padding?: number;
}

/** Every value that must be visible: the values, and the ends of their intervals. */
export function visibleValues(values: readonly number[], intervals: readonly (Interval | null | undefined)[]): number[] {
  return [...values, ...intervals.flatMap((ci) => (ci ? [ci[0], ci[1]] : []))].filter(Number.isFinite);
}

/** Where a scale begins and ends. Without values: 0 to 1 (log: 1 to 10). A log scale leaves out what isn't above 0. */
export function domainOf(values: readonly number[], options: ScaleOptions): [number, number] {
  const log = options.kind === 'log';
  const [low, high] = extent(values.filter((value) => Number.isFinite(value) && (!log || value > 0)));
  if (low === undefined || high === undefined) return log ? [1, 10] : [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low, high];
  if (options.fromZero) return [Math.min(0, low), Math.max(0, high) || 1];
  if (low !== high) return [low, high];
  const around = options.kind === 'time' ? 43_200_000 : Math.abs(low) / 2 || 1;
  return [low - around, high + around];
}

/** A scale from these values to a range of pixels, its ends rounded to nice values. */
export function scaleOf(
  values: readonly number[],
  range: readonly [number, number],
  options: ScaleOptions,
): Scale {
  const domain = domainOf(values, options);
  const pad = (range[1] - range[0]) * (options.padding ?? 0);
  const inner: [number, number] = [range[0] + (options.fromZero ? 0 : pad), range[1] - pad];
  if (options.kind === 'time') return timeScale(domain, inner);
  const base =
    options.kind === 'log' ? scaleLog().domain(niceLog(domain)).range(inner) : scaleLinear().domain(domain).nice(6).range(inner);
  const [low = 0, high = 1] = base.domain();
  const ticks = (about: number, format: (value: number) => string = String): Tick[] =>
    (options.kind === 'log' ? logTicks([low, high], about) : base.ticks(about)).map((value) => ({
      value,
      at: base(value),
      label: format(value),
    }));
  return Object.assign((value: number) => base(value), {
    kind: options.kind,
    invert: (pixels: number) => base.invert(pixels),
    domain: [low, high] as const,
    ticks,
  });
}

function timeScale(domain: [number, number], range: [number, number]): Scale {
  const base = scaleUtc().domain(domain).range(range);
  const format = timeFormat(domain[1] - domain[0]);
  return Object.assign((value: number) => base(value), {
    kind: 'time' as const,
    invert: (pixels: number) => base.invert(pixels).getTime(),
    domain,
    ticks: (about: number, words?: (value: number) => string) =>
      base.ticks(about).map((date) => ({
        value: date.getTime(),
        at: base(date),
        label: words ? words(date.getTime()) : format(date),
      })),
  });
}

const DAY_MS = 86_400_000;

/** Ticks in UTC, as the API's times are, as fine as the span needs to tell them apart. */
function timeFormat(spanMs: number): (date: Date) => string {
  const day = { month: 'short', day: 'numeric' } as const;
  const hour = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const bySpan: [mostMs: number, parts: Intl.DateTimeFormatOptions][] = [
    [15 * 60_000, { ...hour, second: '2-digit' }],
    [DAY_MS / 2, hour],
    [3 * DAY_MS, { ...day, ...hour }],
    [300 * DAY_MS, day],
  ];
  const parts = bySpan.find(([most]) => spanMs < most)?.[1] ?? { year: 'numeric', month: 'short' };
  const format = new Intl.DateTimeFormat('en', { ...parts, timeZone: 'UTC' });
  return (date) => format.format(date);
}

const STEPS = [1, 2, 5];

/** The bounds 1, 2, 5 × 10ⁿ around a domain: a log scale that begins at 1,037 is read by nobody. */
export function niceLog([low, high]: readonly [number, number]): [number, number] {
  const below = (value: number) => {
    const decade = 10 ** Math.floor(Math.log10(value) + 1e-9);
    return decade * Math.max(...STEPS.filter((step) => step * decade <= value * (1 + 1e-9)));
  };
  const above = (value: number) => {
    const decade = 10 ** Math.floor(Math.log10(value) + 1e-9);
    return decade * ([...STEPS, 10].find((step) => step * decade >= value * (1 - 1e-9)) ?? 10);
  };
  return [below(low), above(high)];
}

/** Ticks of a log scale: 1, 2, 5 of each decade where they have room, else 1 of each, else of every second decade. */
export function logTicks([low, high]: readonly [number, number], about: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const decades = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  const inside = (value: number) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const round = (value: number) => Number(value.toPrecision(12));
  const all = decades.flatMap((decade) => STEPS.map((step) => round(step * 10 ** decade))).filter(inside);
  if (all.length <= Math.max(about * 1.5, 3)) return all;
  const each = decades.map((decade) => round(10 ** decade)).filter(inside);
  const every = Math.max(1, Math.ceil(each.length / Math.max(about, 1)));
  return each.filter((_, place) => place % every === 0);
}

/**
 * A line of straight segments. Curves are never drawn: between two measured points they would show values that nobody
 * measured, and on a log axis even impossible ones. A point that isn't finite is a gap.
 */
export function linePath(points: readonly (readonly [x: number, y: number])[]): string {
  const draw = line<readonly [number, number]>()
    .defined(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
    .x(([x]) => round2(x))
    .y(([, y]) => round2(y));
  return draw(points) ?? '';
}

/** Two decimals of a pixel are enough, and half the bytes. */
export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
