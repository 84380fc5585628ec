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
