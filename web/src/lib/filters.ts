// Filters as text, as chips and in the URL: three spellings of one state, which is also what the API's explore takes.
//   engine:vllm gpu:"NVIDIA H200" ttft:<500 tps:>100 cost:<1 since:30d llama
// It must not know pages.
import { codec, list, number, text, type State } from './url-state';

/** Facets of the API: of several values of one, any will do. */
export const FACETS = [
  ['model', 'Model'],
  ['parameter_size', 'Size'],
  ['engine', 'Engine'],
  ['engine_version', 'Engine version'],
  ['gpu', 'GPU'],
  ['gpu_count', 'GPUs'],
  ['server', 'Where it ran'],
  ['precision', 'Precision'],
  ['status', 'State'],
  ['origin', 'Origin'],
] as const;

export type Facet = (typeof FACETS)[number][0];

/** Figures with bounds, inclusive. */
export const BOUNDS = [
  ['ttft', 'TTFT', 'ms'],
  ['tps', 'Throughput', 'tokens/s'],
  ['itl', 'ITL', 'ms'],
  ['latency', 'Latency', 's'],
  ['cost', 'Cost', '$ per M tokens'],
] as const;

export type Bound = (typeof BOUNDS)[number][0];

/** What else a filter is called in text. */
const ALIASES: Record<string, Facet> = { size: 'parameter_size', version: 'engine_version', gpus: 'gpu_count', state: 'status' };

export const filterFields = {
  model: list(),
  parameter_size: list(),
  engine: list(),
  engine_version: list(),
  gpu: list(),
  gpu_count: list(),
  server: list(),
  precision: list(),
  status: list(),
  origin: list(),
  ttft_min: number(),
  ttft_max: number(),
  tps_min: number(),
  tps_max: number(),
  itl_min: number(),
  itl_max: number(),
  latency_min: number(),
  latency_max: number(),
  cost_min: number(),
  cost_max: number(),
  since: text(),
  until: text(),
  text: text(),
};

export const filters = codec(filterFields);
export type Filters = State<typeof filterFields>;

export interface Parsed {
  filters: Filters;
  /** What of the text is no filter, and why. */
  problems: string[];
}

/** Words of a text; quotes keep spaces together, and may begin behind the colon. */
function words(typed: string): string[] {
  return typed.match(/(?:[^\s":]+:)?"(?:[^"\\]|\\.)*"?|\S+/g) ?? [];
}

function unquoted(word: string): string {
  if (!word.startsWith('"')) return word;
  return word.slice(1).replace(/((?:^|[^\\])(?:\\\\)*)"$/, '$1').replace(/\\(.)/g, '$1');
}

function quoted(value: string): string {
  return value === '' || /[\s"\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
}

/** The filters that a text means. What isn't one is a word to search for, unless it looks like a filter. */
export function parse(typed: string): Parsed {
  const found = filters.initial();
  const problems: string[] = [];
  const free: string[] = [];
  for (const word of words(typed)) {
    const [, name, rest] = /^([A-Za-z_]+):(.*)$/s.exec(word) ?? [];
    if (name === undefined || rest === undefined) {
      free.push(unquoted(word));
      continue;
    }
    const problem = take(found, name.toLowerCase(), unquoted(rest));
    if (problem !== null) problems.push(problem);
  }
  found.text = free.join(' ');
  return { filters: found, problems };
}

function take(found: Filters, name: string, value: string): string | null {
  const facet = FACETS.find(([key]) => key === name)?.[0] ?? ALIASES[name];
  if (value === '') return `${name}: has no value`;
  if (facet !== undefined) {
    if (facet === 'gpu_count' && !/^\d+$/.test(value)) return `${name}:${value} needs a whole number`;
    if (!found[facet].includes(value)) found[facet].push(value);
    return null;
  }
  if (name === 'since' || name === 'until') {
    found[name] = value;
    return null;
  }
  const bound = BOUNDS.find(([key]) => key === name)?.[0];
  if (bound !== undefined) return takeBound(found, bound, value);
  const names = [...FACETS.map(([key]) => key), ...BOUNDS.map(([key]) => key), 'since', 'until'];
  return `${name}: is no filter; there are ${names.join(', ')}`;
}

function takeBound(found: Filters, name: Bound, value: string): string | null {
  const [, sign, digits] = /^(<=?|>=?)(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.exec(value) ?? [];
  const limit = Number(digits);
  if (sign === undefined || !Number.isFinite(limit)) return `${name}:${value} needs < or > and a number, such as ${name}:<500`;
  const field: `${Bound}_${'min' | 'max'}` = sign.startsWith('<') ? `${name}_max` : `${name}_min`;
  found[field] = limit;
  return null;
}

/** One filter that holds, and what is left without it. */
export interface Chip {
  /** `engine:vllm`: unique, and how it is typed. */
  text: string;
  label: string;
  value: string;
  without: Filters;
}

/** The filters that hold, in the order that text has them. */
export function chips(state: Filters): Chip[] {
  const all: Chip[] = [];
  for (const [key, label] of FACETS) {
    for (const value of state[key]) {
      all.push({
        text: `${key}:${quoted(value)}`,
        label,
        value,
        without: { ...state, [key]: state[key].filter((other) => other !== value) },
      });
    }
  }
  for (const [key, label, unit] of BOUNDS) {
    for (const [side, sign, shown] of [['min', '>', '≥'], ['max', '<', '≤']] as const) {
      const field = `${key}_${side}` as const;
      const limit = state[field];
      if (limit === null) continue;
      all.push({ text: `${key}:${sign}${limit}`, label, value: `${shown} ${limit} ${unit}`, without: { ...state, [field]: null } });
    }
  }
  for (const key of ['since', 'until'] as const) {
    if (state[key] === '') continue;
    all.push({
      text: `${key}:${quoted(state[key])}`,
      label: key === 'since' ? 'Since' : 'Until',
      value: state[key],
      without: { ...state, [key]: '' },
    });
  }
  if (state.text !== '') {
    all.push({ text: freeText(state.text), label: 'Text', value: state.text, without: { ...state, text: '' } });
  }
  return all;
}

/** Words to search for, quoted where they would be read as a filter. */
function freeText(said: string): string {
  return said.split(' ').map((word) => (/[\s"\\:]/.test(word) || word === '' ? `"${word.replace(/["\\]/g, '\\$&')}"` : word)).join(' ');
}

/** The text that means these filters. */
export function toText(state: Filters): string {
  return chips(state).map((chip) => chip.text).join(' ');
}

/** The API's parameters: what is default is left out. */
export function toQuery(state: Filters): Partial<Filters> {
  const written = Object.entries(state).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== null && value !== ''));
  return Object.fromEntries(written);
}
