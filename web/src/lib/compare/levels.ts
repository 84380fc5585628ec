// A comparison's answer by runs, as charts and tables take it. It must not know components.
import type { Schema } from '../api/client';
import { METRICS, type MetricKey } from '../charts/figures';
import type { Level, LevelFigures } from '../charts/levels';
import type { Side } from '../charts/compared';
import { inWords, noteOf } from '../charts/configurations';
import type { RunFacts } from '../runs/facts';

export type Compared = Schema<'Compared'>;
export type LevelBeside = Schema<'LevelBeside'>;

/** How a level is called in the URL. */
export function levelKey(level: LevelBeside): string {
  return level.rate === null || level.rate === undefined ? level.benchmark_type : String(level.rate);
}

/** The level that a URL means: throughput where it says none, or the last. */
export function levelOf(compared: Compared, key: string): LevelBeside | undefined {
  return compared.levels.find((level) => levelKey(level) === key) ?? compared.levels.find((level) => level.benchmark_type === 'throughput') ?? compared.levels.at(-1);
}

/** Runs with the names that tell them apart. Of two of the same set-up, the day and its place in the list do. */
export function sidesOf(runs: readonly RunFacts[]): Side[] {
  const { labels } = inWords(runs.map((run) => ({ ...run, precision: run.precision ?? 'unknown' })));
  return runs.map((run, at) => {
    const label = labels[at] ?? run.engine;
    const twin = labels.some((other, index) => other === label && index !== at);
    return {
      id: run.id, engine: run.engine, note: noteOf(run.engine, run.gpu_count, run.origin, run.llm_id),
      label: twin ? `${label} · ${run.measured_at.slice(0, 10)} (${at + 1})` : label,
    };
  });
}

/** Each run's concurrent levels, for lines over concurrency. */
export function concurrentLevels(compared: Compared, id: string): Level[] {
  return compared.levels.filter((level) => level.benchmark_type === 'concurrent').flatMap((level): Level[] => {
    const figures: LevelFigures = {};
    for (const metric of level.metrics) {
      const of = metric.values.find((value) => value.id === id);
      if (!(metric.metric in METRICS) || of?.value === null || of?.value === undefined) continue;
      figures[metric.metric as MetricKey] = of.measured ? { ...of.measured, value: of.value } : { value: of.value, n: 0 };
    }
    return Object.keys(figures).length === 0 ? [] : [{ rate: level.rate ?? null, figures }];
  });
}

/** One thing that a run and the baseline don't agree on. */
export interface Difference {
  field: string;
  a: string;
  b: string;
}

/** The API's differences, as far as they are of that shape. */
export function differencesOf(fairness: Schema<'Fairness'>): Difference[] {
  return (fairness.differences as unknown as Partial<Difference>[]).flatMap(({ field, a, b }) =>
    field === undefined ? [] : [{ field, a: a ?? 'unknown', b: b ?? 'unknown' }]);
}
