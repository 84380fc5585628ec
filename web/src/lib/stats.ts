// The little statistics that the site does itself, on figures that the API sends. What is tested on samples, the API tests.

export type Interval = readonly [low: number, high: number];

/** Change against a baseline as a share; null where the baseline is 0 or either isn't known. */
export function relativeChange(value: number | null | undefined, baseline: number | null | undefined): number | null {
  if (value === null || value === undefined || baseline === null || baseline === undefined || baseline === 0) return null;
  return (value - baseline) / Math.abs(baseline);
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
