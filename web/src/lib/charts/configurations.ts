// Configurations in words: what all lines of a chart have in common belongs into its title, what tells them apart into its
// legend.

import { isSimulated, looksOf } from './colors';
import type { Group } from './series';
import type { Configuration } from './types';

/** What names a configuration, in the order in which people say it. */
type Named = Pick<Configuration, 'model' | 'engine' | 'gpu' | 'gpu_count' | 'precision' | 'server'> & { prompt_set?: string | null };

const PARTS: ((of: Named) => string)[] = [
  (of) => of.model,
  (of) => of.engine,
  (of) => gpuWords(of.gpu, of.gpu_count),
  (of) => (of.precision === 'unknown' ? '' : of.precision),
  (of) => of.server,
  (of) => (of.prompt_set ? `prompts ${of.prompt_set.slice(0, 6)}` : ''),
];
/** Parts that are left out of a legend unless they tell lines apart. */
const MINOR_FROM = 4;

/** `2 × NVIDIA H200`; a CPU's name without a number. */
export function gpuWords(gpu: string, count: number): string {
  return count > 1 ? `${count} × ${gpu}` : gpu;
}

/** What is the same in all of them, and what is left to tell each apart. */
export function inWords(all: readonly Named[]): { common: string; labels: string[] } {
  const same = PARTS.map((part) => new Set(all.map(part)).size <= 1);
  const first = all[0];
  const common = first
    ? PARTS.filter((_, at) => same[at] && at < MINOR_FROM).map((part) => part(first)).filter((text) => text !== '').join(' · ')
    : '';
  const labels = all.map((one) => {
    const own = PARTS.filter((_, at) => !same[at]).map((part) => part(one)).filter((text) => text !== '');
    return own.length > 0 ? own.join(' · ') : one.engine;
  });
  return { common, labels };
}

/** A stable name of a configuration, for addresses. */
export function configurationKey(of: Named): string {
  const words = PARTS.map((part) => part(of)).filter((text) => text !== '').join('-');
  return words.toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
}

/** The name of a line of runs, of which a configuration has one for each origin and each name that engines give its model. */
export function lineKey(of: Named, { origin, llm_id }: Behind): string {
  const words = [configurationKey(of), llm_id, ...(origin === 'measured' ? [] : [origin])].join('-');
  return words.toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
}

/** Groups of a chart, a line of runs each. */
export function lineGroups(lines: readonly ({ configuration: Named } & Behind)[]): { common: string; groups: Group[] } {
  const { common, groups } = groupsOf(lines.map(({ configuration }) => configuration), lines);
  const named = groups.map((group, at): Group => {
    const line = lines[at];
    if (!line) return group;
    const alike = groups.some((other, place) => place !== at && other.label === group.label && other.note === group.note);
    return { ...group, key: lineKey(line.configuration, line), label: alike ? `${group.label} · ${line.llm_id}` : group.label };
  });
  return { common, groups: named };
}

/** What is known of the run behind a configuration. */
interface Behind {
  origin: string;
  llm_id: string;
}

/** Groups of a chart, a configuration each; with the runs behind them, where known, those that weigh less are labelled. */
export function groupsOf(all: readonly Named[], runs: readonly (Behind | undefined)[] = []): { common: string; groups: Group[] } {
  const { common, labels } = inWords(all);
  const looks = looksOf(all.map(({ engine }) => engine));
  const groups = all.map((one, at): Group => {
    const look = looks[at] ?? { colour: 'currentColor', shape: 'circle' as const, dash: undefined };
    const note = noteOf(one.engine, one.gpu_count, runs[at]?.origin, runs[at]?.llm_id);
    return { ...look, key: configurationKey(one), label: labels[at] ?? one.engine, ...(note === undefined ? {} : { note }) };
  });
  return { common, groups };
}

/** The model that the instrument's simulator serves, whatever engine's protocol it speaks. */
const SIMULATOR_MODEL = 'truth';

/** Whether the instrument's simulator answered. `modelId` is the engine's own name of its model. */
export function isOfSimulator(engine: string, modelId: string | undefined): boolean {
  return isSimulated(engine) || modelId === SIMULATOR_MODEL;
}

/** What must be known of figures before they are compared with others'. */
export function noteOf(engine: string, gpuCount: number, origin: string | undefined, modelId?: string): string | undefined {
  if (isOfSimulator(engine, modelId)) return 'simulated engine';
  if (origin === 'imported') return 'imported';
  return gpuCount === 0 ? 'CPU' : undefined;
}
