// What configurations are worth at one and the same speed of a user: a frontier read at a given x. Between two measured points it is
// interpolated, outside of them nothing is said: nobody measured there.

import { interpolate } from '$lib/stats';
import type { Frontier } from './types';

export interface AtSpeed {
  line: Frontier['lines'][number];
  /** What the y axis shows at this speed; null: outside of what was measured. */
  value: number | null;
  /** The slowest and the fastest that one request was measured at. */
  measured: readonly [slowest: number, fastest: number];
}

/** Every line at a speed, the best first, those that weren't measured there last. */
export function atSpeed(frontier: Frontier, speed: number): AtSpeed[] {
  const sign = frontier.y.more_is_better ? -1 : 1;
  return frontier.lines
    .filter(({ points }) => points.length > 0)
    .map((line): AtSpeed => {
      const xs = line.points.map(({ x }) => x);
      return {
        line,
        value: interpolate(line.points.map(({ x, y }) => [x, y] as const), speed),
        measured: [Math.min(...xs), Math.max(...xs)],
      };
    })
    .sort((a, b) => (a.value === null || b.value === null ? Number(a.value === null) - Number(b.value === null) : sign * (a.value - b.value)));
}

/** A round speed that most lines were measured at: the middle of what they have in common. */
export function commonSpeed(frontier: Frontier): number | null {
  const ranges = frontier.lines.filter(({ points }) => points.length > 0).map(({ points }) => points.map(({ x }) => x));
  if (ranges.length === 0) return null;
  const slowest = Math.max(...ranges.map((xs) => Math.min(...xs)));
  const fastest = Math.min(...ranges.map((xs) => Math.max(...xs)));
  return Number(((slowest + fastest) / 2).toPrecision(2));
}
