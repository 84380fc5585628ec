// Which points no other beats: the Pareto front of what is visible.

/** A point of two figures. */
export interface Point {
  x: number;
  y: number;
}

/** Which of them are on the front. `xMore` and `yMore` say whether more is better of each. Equal points are on it together. */
export function paretoFront(points: readonly Point[], xMore = true, yMore = true): boolean[] {
  const at = points.map((point, place) => ({
    place,
    x: xMore ? point.x : -point.x,
    y: yMore ? point.y : -point.y,
  }));
  at.sort((a, b) => b.x - a.x || b.y - a.y);
  const front = points.map(() => false);
  let bestY = -Infinity;
  let bestX = -Infinity;
  for (const { place, x, y } of at) {
    if (y > bestY || (y === bestY && x === bestX)) {
      front[place] = true;
      bestY = y;
      bestX = x;
    }
  }
  return front;
}

/** The front as a line, by ascending x. */
export function frontLine(points: readonly Point[], xMore = true, yMore = true): Point[] {
  const front = paretoFront(points, xMore, yMore);
  return points.filter((_, place) => front[place]).sort((a, b) => a.x - b.x || a.y - b.y);
}
