// Gaps between tokens as bars: buckets that are equally wide on a log axis, empty ones between included.

/** As the API gives it: [upper bound in ms, gaps], ascending, empty ones left out, ten bounds a decade. */
export interface GapHistogram {
  unit: string;
  buckets: readonly (readonly [upper: number, count: number])[];
  n: number;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Bucket {
  /** Above this, ms; 0: everything from 0 on. */
  lower: number;
  /** Not above this, ms. */
  upper: number;
  count: number;
  /** Of all gaps. */
  share: number;
}

const STEPS = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8];

/** The lowest bound: the bucket below it holds everything from 0 on. */
export const LOWEST_MS = 0.1;

/** The bound below one of the series. */
export function boundBelow(upper: number): number {
  if (upper <= LOWEST_MS) return 0;
  const decade = Math.floor(Math.log10(upper) + 1e-9);
  const at = STEPS.findIndex((step) => Math.abs(upper / 10 ** decade / step - 1) < 0.02);
  const [step, power] = at > 0 ? [STEPS[at - 1] ?? 1, decade] : [8, decade - 1];
  return Number((step * 10 ** power).toPrecision(6));
}

/** Every bucket from the first to the last that has gaps. */
export function bucketsOf(histogram: GapHistogram): Bucket[] {
  const counts = new Map(histogram.buckets.map(([upper, count]) => [placeOf(upper), { upper, count }]));
  const places = [...counts.keys()];
  const [first, last] = [Math.min(...places), Math.max(...places)];
  if (places.length === 0) return [];
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const place = first + at;
    const found = counts.get(place);
    const upper = found?.upper ?? boundAt(place);
    const count = found?.count ?? 0;
    return { lower: boundBelow(upper), upper, count, share: histogram.n > 0 ? count / histogram.n : 0 };
  });
}

function placeOf(upper: number): number {
  return Math.round(Math.log10(upper) * STEPS.length);
}

function boundAt(place: number): number {
  const decade = Math.floor(place / STEPS.length);
  return Number(((STEPS[place - decade * STEPS.length] ?? 1) * 10 ** decade).toPrecision(6));
}
