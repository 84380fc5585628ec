// A result as its page shows it, whether it was measured here (a run's report) or imported (the 17 columns alone).

import { inOrder, levelName, measuredLevel, publishedLevel, type Level } from '$lib/charts/levels';
import { noteOf } from '$lib/charts/configurations';
import type { Schema } from '$lib/api/client';
import type { ResultReport, RunReport } from './report';

export type Facts = Schema<'RunFacts'>;

/** Levels of a report with n and intervals. */
export function measuredLevels(report: Pick<RunReport, 'results'>): Level[] {
  return inOrder(report.results.map(measuredLevel));
}

/** Levels of what was imported: means, of which no spread is known. */
export function publishedLevels(published: Pick<Schema<'PublishedRun'>, 'levels' | 'metrics'>): Level[] {
  const levels = inOrder(published.levels.map(({ columns }) => publishedLevel(columns)));
  return levels.length > 0 ? levels : levelOfMetrics(published.metrics);
}

/** The throughput benchmark of a run of which only its figures are known, such as one imported from a file. */
function levelOfMetrics(metrics: Schema<'PublishedRun'>['metrics']): Level[] {
  const known = (['tps', 'ttft', 'itl', 'latency'] as const).flatMap((key) => {
    const metric = metrics[key];
    return metric ? [[key, metric.measured ?? { value: metric.value, n: 0 }] as const] : [];
  });
  return known.length === 0 ? [] : [{ rate: null, figures: Object.fromEntries(known) }];
}

/** `vLLM 0.11 on 2 × NVIDIA H200`. */
export function setupInWords(facts: Facts): string {
  const engine = facts.engine_version ? `${facts.engine} ${facts.engine_version}` : facts.engine;
  const gpu = facts.gpu_count > 1 ? `${facts.gpu_count} × ${facts.gpu}` : facts.gpu;
  return `${engine} on ${gpu}`;
}

export function title(facts: Facts): string {
  return `${facts.model}, ${setupInWords(facts)}`;
}

/** `imported`, `simulated engine`, `CPU`. */
export function note(facts: Facts): string | undefined {
  return noteOf(facts.engine, facts.gpu_count, facts.origin, facts.llm_id);
}

/** Requests that failed, of all levels: by code, with the levels they failed in. */
export function failuresOf(results: readonly ResultReport[]): { code: string; count: number; levels: string[]; sample: string | null }[] {
  const found = new Map<string, { code: string; count: number; levels: string[]; sample: string | null }>();
  for (const result of results) {
    for (const [code, count] of Object.entries(result.errors)) {
      const one = found.get(code) ?? { code, count: 0, levels: [], sample: null };
      one.count += count;
      one.levels.push(levelName(result.rate));
      one.sample ??= result.error_samples?.[code] ?? null;
      found.set(code, one);
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

/** What is the same of all levels' setups: what another result must agree on to compare fairly. */
export function comparability(results: readonly ResultReport[]): [name: string, value: string][] {
  const setup = results.find((result) => result.comparability)?.comparability;
  if (!setup) return [];
  const known = (value: string | number | null) => (value === null ? 'unknown' : String(value));
  return [
    ['Model', setup.model],
    ['Precision', known(setup.precision)],
    ['Context', setup.context_tokens === null ? 'unknown' : `${setup.context_tokens.toLocaleString('en')} tokens`],
    ['Parallel slots', known(setup.parallel_slots)],
    ['Prefix caching', setup.prefix_caching === null ? 'unknown' : setup.prefix_caching ? 'on' : 'off'],
    ['GPU', setup.gpu_count === 0 ? setup.gpu_id : `${setup.gpu_count} × ${setup.gpu_id}`],
    ['Prompt set', setup.prompt_set_sha256.slice(0, 16)],
  ];
}
