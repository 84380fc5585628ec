// A comparison as its URL says it: the runs in their order, and which of them is the baseline. It must not know components.
import { codec, href, list, text, type State } from '../url-state';

export const FEWEST = 2;
export const MOST = 6;

const fields = { r: list(), base: text() };
const written = codec(fields);
export type Comparison = State<typeof fields>;

/** What a URL means: runs may also be in one parameter with commas, and a baseline that is none of them is the first. */
export function comparisonOf(params: URLSearchParams): Comparison {
  const { r, base } = written.decode(params);
  const runs = [...new Set(r.flatMap((ids) => ids.split(',')).map((id) => id.trim()).filter((id) => id !== ''))];
  return { r: runs, base: runs.includes(base) ? base : (runs[0] ?? '') };
}

/** Where a comparison is. Parameters of charts stay. */
export function compareHref(runs: readonly string[], base = '', beside?: URLSearchParams): string {
  const unsaid = base === '' || base === runs[0];
  return href('/compare', written.encode({ r: [...runs], base: unsaid ? '' : base }, beside));
}

/** The same without a run. */
export function without(comparison: Comparison, id: string): string {
  const left = comparison.r.filter((one) => one !== id);
  return compareHref(left, comparison.base === id ? '' : comparison.base);
}
