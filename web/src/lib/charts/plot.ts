// Where everything of a chart over two axes lies, in pixels: scales, lines, bands, whiskers, and which point is near. It must not
// know Svelte or the DOM.

import type { Accessor, Interval } from './accessor';
import { linePath, type Scale, type ScaleKind } from './scale';
import { axisScale, type Mark, type Series } from './series';
import type { Place } from './walk';

export type At = readonly [x: number, y: number];

export interface PlotOptions<T> {
  width: number;
  height: number;
  x: Accessor<T>;
  y: Accessor<T>;
  xKind: ScaleKind;
  log: boolean;
  fromZero: boolean;
  /** Lowest and highest around a row's value. */
  band?: ((row: T) => Interval) | undefined;
  /** Whether a line keeps its value until the next point. */
  steps: boolean;
}

export interface Plot<T> {
  /** Left of the y axis. */
  left: number;
  top: number;
  width: number;
  height: number;
  xScale: Scale;
  yScale: Scale;
  at: (mark: Mark<T>) => At;
}

const TOP_PX = 30;
const BOTTOM_PX = 48;
const RIGHT_PX = 14;
/** A digit's width at the size of tick labels. */
const DIGIT_PX = 7.2;
const MOST_LEFT_PX = 76;
const WHISKER_PX = 4;
/** Labels closer than this are one too many. */
const LABEL_PX = 14;

/** Scales over what is visible, with room for the labels of the y axis. */
export function plotOf<T>(series: readonly Series<T>[], options: PlotOptions<T>): Plot<T> {
  const { band, log, fromZero } = options;
  const yKind = log ? 'log' : 'linear';
  // A band is as visible as an interval.
  const seen = band ? series.map((one) => ({ ...one, marks: one.marks.map((mark) => ({ ...mark, ci: band(mark.row) })) })) : series;
  const guess = axisScale(seen, 'y', [1, 0], yKind, fromZero);
  const longest = Math.max(2, ...guess.ticks(5, options.y.format).map(({ label }) => label.length));
  const left = Math.min(MOST_LEFT_PX, RIGHT_PX + longest * DIGIT_PX);
  const width = options.width - left - RIGHT_PX;
  const height = options.height - TOP_PX - BOTTOM_PX;
  const xScale = axisScale(series, 'x', [0, width], options.xKind);
  const yScale = axisScale(seen, 'y', [height, 0], yKind, fromZero);
  return { left, top: TOP_PX, width, height, xScale, yScale, at: (mark) => [xScale(mark.x), yScale(mark.y)] };
}

/** A series' line. */
export function lineOf<T>(marks: readonly Mark<T>[], plot: Plot<T>, steps: boolean): string {
  return linePath(stepped(marks.map(plot.at), steps));
}

/** The band around a series' line; empty for a single point. */
export function bandOf<T>(marks: readonly Mark<T>[], plot: Plot<T>, band: (row: T) => Interval, steps: boolean): string {
  if (marks.length < 2) return '';
  const edge = (side: 0 | 1) => stepped(marks.map((mark): At => [plot.xScale(mark.x), plot.yScale(band(mark.row)[side])]), steps);
  return `${linePath([...edge(1), ...edge(0).reverse()])}Z`;
}

function stepped(points: readonly At[], steps: boolean): At[] {
  if (!steps) return [...points];
  return points.flatMap((point, place): At[] => {
    const before = points[place - 1];
    return before ? [[point[0], before[1]], point] : [point];
  });
}

/** An interval; an end that lies beyond the axis has no cap. */
export function whisker<T>([x]: At, [low, high]: Interval, plot: Plot<T>): string {
  const [least] = plot.yScale.domain;
  const [from, to] = [plot.yScale(Math.max(low, least)), plot.yScale(high)];
  const cap = (y: number) => `M${x - WHISKER_PX} ${y}h${2 * WHISKER_PX}`;
  return `M${x} ${from}V${to}${cap(to)}${low >= least ? cap(from) : ''}`;
}

/** Points whose label has room beside those of the points before them. */
export function labelled<T>(series: readonly Series<T>[], plot: Plot<T>): Set<Mark<T>> {
  const taken: At[] = [];
  const free = series.flatMap(({ marks }) => marks).filter((mark) => {
    const [x, y] = plot.at(mark);
    const has = taken.every((other) => Math.abs(other[0] - x) > LABEL_PX || Math.abs(other[1] - y) > LABEL_PX);
    if (has) taken.push([x, y]);
    return has;
  });
  return new Set(free);
}

/** The point nearest to a place, no farther than `reach`. */
export function nearestPoint<T>(series: readonly Series<T>[], plot: Plot<T>, [x, y]: At, reach: number): Place | null {
  let best: Place | null = null;
  let least = reach;
  series.forEach(({ marks }, place) =>
    marks.forEach((mark, index) => {
      const [markX, markY] = plot.at(mark);
      const distance = Math.hypot(markX - x, markY - y);
      if (distance < least) [least, best] = [distance, { series: place, index }];
    }),
  );
  return best;
}
