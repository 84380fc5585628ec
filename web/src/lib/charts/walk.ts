// Walking through the points of a chart with the keyboard: left and right along a series, up and down to the next series.

/** Where somebody is. */
export interface Place {
  series: number;
  index: number;
}

/** The x of each point of each series, in the order in which they are walked. */
export type Walkable = readonly (readonly number[])[];

/** Keys that walk. Others are the page's. */
export const WALK_KEYS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'];

/** Where a key leads. From nowhere it leads to the first point; `null`: there is nothing to walk. */
export function step(at: Place | null, key: string, all: Walkable): Place | null {
  const filled = all.map((points, series) => ({ points, series })).filter(({ points }) => points.length > 0);
  const first = filled[0];
  if (!first) return null;
  const here = at && filled.findIndex(({ series }) => series === at.series);
  const current = here === null || here === -1 ? undefined : filled[here];
  if (!at || !current) return { series: first.series, index: 0 };
  const last = current.points.length - 1;
  const clamp = (index: number) => ({ series: current.series, index: Math.max(0, Math.min(last, index)) });
  switch (key) {
    case 'ArrowLeft':
      return clamp(at.index - 1);
    case 'ArrowRight':
      return clamp(at.index + 1);
    case 'Home':
      return clamp(0);
    case 'End':
      return clamp(last);
    case 'ArrowUp':
    case 'ArrowDown': {
      const place = ((here ?? 0) + (key === 'ArrowDown' ? 1 : -1) + filled.length) % filled.length;
      const next = filled[place] ?? current;
      const x = current.points[Math.min(at.index, last)] ?? 0;
      return { series: next.series, index: nearest(next.points, x) };
    }
    default:
      return at;
  }
}

/** The point nearest to x. */
export function nearest(points: readonly number[], x: number): number {
  let best = 0;
  points.forEach((value, index) => {
    if (Math.abs(value - x) < Math.abs((points[best] ?? Infinity) - x)) best = index;
  });
  return best;
}
