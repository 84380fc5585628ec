// Results of a run as levels with figures, whatever they came from: the measured view with its spreads, or the 17 columns alone.

import type { MetricKey } from './figures';
import type { Columns, Figure } from './types';

/** A figure of which no spread is known has n 0 and no interval. */
export type LevelFigures = Partial<Record<MetricKey, Figure>>;

export interface Level {
  /** Streams; null: throughput, as many requests as it takes. */
  rate: number | null;
  figures: LevelFigures;
}

interface Distribution {
  n: number;
  mean: number | null;
  p50: number | null;
  p90: number | null;
  p99: number | null;
  ci95: readonly number[] | null;
  p50_ci95: readonly number[] | null;
}

interface BatchMeans {
  batches: number;
  ci95: readonly number[];
}

/** The measured view of a level, as a run's report has it. */
export interface MeasuredLevel {
  measured: Columns & { percentiles: Record<'request_latency' | 'time_to_first_token_ms' | 'inter_token_latency_ms', Distribution> };
  precision?: { output_tokens_per_second?: BatchMeans | null };
}

const bare = (value: number | null | undefined): Figure | undefined =>
  value === null || value === undefined ? undefined : { value, n: 0 };

function spread(of: Distribution): Figure | undefined {
  if (of.mean === null) return undefined;
  return {
    value: of.mean, n: of.n, p50: of.p50, p90: of.p90, p99: of.p99,
    ci95: of.ci95 ? [...of.ci95] : null, p50_ci95: of.p50_ci95 ? [...of.p50_ci95] : null,
  };
}

/** Our own measurement, with n and intervals. */
export function measuredLevel(level: MeasuredLevel): Level {
  const { measured, precision } = level;
  const { percentiles } = measured;
  const batches = precision?.output_tokens_per_second;
  const tps = bare(measured.output_tokens_per_second);
  const rps = bare(measured.requests_per_second);
  return {
    rate: measured.rate ?? null,
    figures: present({
      tps: tps && batches ? { ...tps, n: batches.batches, ci95: [...batches.ci95] } : tps,
      // The rate is a count over the window: its n is that count.
      rps: rps && { ...rps, n: measured.successful_requests },
      ttft: spread(percentiles.time_to_first_token_ms),
      itl: spread(percentiles.inter_token_latency_ms),
      latency: spread(percentiles.request_latency),
    }),
  };
}

/** What was imported: means without a spread. */
export function publishedLevel(columns: Columns): Level {
  return {
    rate: columns.rate ?? null,
    figures: present({
      tps: bare(columns.output_tokens_per_second),
      rps: bare(columns.requests_per_second),
      ttft: bare(columns.time_to_first_token_ms),
      itl: bare(columns.inter_token_latency_ms),
      latency: bare(columns.request_latency),
    }),
  };
}

function present(figures: { [key in MetricKey]?: Figure | undefined }): LevelFigures {
  return Object.fromEntries(Object.entries(figures).filter(([, figure]) => figure !== undefined));
}

/** Concurrent levels by ascending streams, throughput last. */
export function inOrder(levels: readonly Level[]): Level[] {
  return [...levels].sort((a, b) => (a.rate ?? Infinity) - (b.rate ?? Infinity));
}

/** `4 streams`, `1 stream`, `throughput`. */
export function levelName(rate: number | null): string {
  if (rate === null) return 'throughput';
  return rate === 1 ? '1 stream' : `${rate} streams`;
}

/** How the API's paths call it: `concurrency:4`, `throughput`. */
export function levelPath(rate: number | null): string {
  return rate === null ? 'throughput' : `concurrency:${rate}`;
}
