// The little statistics that the site does itself, on figures that the API sends. What is tested on samples, the API tests.

export type Interval = readonly [low: number, high: number];

/** The value below which `share` of the sorted values lie, by linear interpolation; null of none. */
export function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  const at = Math.min(1, Math.max(0, share)) * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number | null {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** Change against a baseline as a share; null where the baseline is 0 or either isn't known. */
export function relativeChange(value: number | null | undefined, baseline: number | null | undefined): number | null {
  if (value === null || value === undefined || baseline === null || baseline === undefined || baseline === 0) return null;
  return (value - baseline) / Math.abs(baseline);
}

/** Whether two intervals share a value. Touching ones do. */
export function overlap(a: Interval, b: Interval): boolean {
  return a[0] <= b[1] && b[0] <= a[1];
}

/** The API's `[low, high]` where it is one. */
export function interval(pair: readonly number[] | null | undefined): Interval | null {
  if (!pair || pair.length !== 2 || !pair.every(Number.isFinite)) return null;
  return [pair[0]!, pair[1]!];
}

/** Half an interval as a share of its value: how precise a figure is. */
export function halfWidth(value: number, ci: Interval | null): number | null {
  return ci === null || value === 0 ? null : (ci[1] - ci[0]) / 2 / Math.abs(value);
}

/** `y` at `x` on straight segments between points; null outside of what was measured, since nothing is known there. */
export function interpolate(points: readonly (readonly [x: number, y: number])[], x: number): number | null {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  for (const [at, here] of sorted.entries()) {
    if (here[0] === x) return here[1];
    const next = sorted[at + 1];
    if (next !== undefined && here[0] < x && x < next[0]) {
      return here[1] + ((next[1] - here[1]) * (x - here[0])) / (next[0] - here[0]);
    }
  }
  return null;
}
