// Which runs are asked for, as text and in the URL: state:failed engine:vllm gpu:h100 since:7d llama
// What the API's list of runs takes, one value each. It must not know pages.
import { codec, oneOf, text, type State } from '../url-state';

export const STATES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const ENGINES = ['ollama', 'vllm', 'sglang', 'llamacpp', 'truth'] as const;
export const PROVIDERS = ['runpod', 'local', 'endpoint'] as const;

/** Filters in the order that text has them: name, label, the words it may be; none: any text. */
export const FILTERS = [
  ['status', 'State', STATES],
  ['engine', 'Engine', ENGINES],
  ['provider', 'Where', PROVIDERS],
  ['model', 'Model', null],
  ['gpu', 'GPU', null],
  ['since', 'Since', null],
  ['until', 'Until', null],
] as const;

const fields = {
  status: oneOf(['', ...STATES], ''),
  engine: oneOf(['', ...ENGINES], ''),
  provider: oneOf(['', ...PROVIDERS], ''),
  model: text(),
  gpu: text(),
  since: text(),
  until: text(),
  text: text(),
};

export const runFilters = codec(fields);
export type RunFilters = State<typeof fields>;

export interface RunChip {
  label: string;
  value: string;
  /** As it is typed. */
  text: string;
  without: RunFilters;
}

const quoted = (value: string) => (/[\s"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value);

/** The filters that hold, each with what is left without it. */
export function runChips(filters: RunFilters): RunChip[] {
  const named = FILTERS.filter(([name]) => filters[name] !== '').map(([name, label]) => ({
    label,
    value: filters[name],
    text: `${name === 'status' ? 'state' : name}:${quoted(filters[name])}`,
    without: { ...filters, [name]: '' },
  }));
  if (filters.text === '') return named;
  return [...named, { label: 'Text', value: filters.text, text: filters.text, without: { ...filters, text: '' } }];
}

export function runFiltersText(filters: RunFilters): string {
  return runChips(filters).map(({ text: typed }) => typed).join(' ');
}

/** What a text means, and what of it means nothing. */
export function parseRunFilters(typed: string): { filters: RunFilters; problems: string[] } {
  const filters: Record<string, string> = runFilters.initial();
  const problems: string[] = [];
  const free: string[] = [];
  for (const word of typed.match(/[a-z_]+:"[^"]*"?|"[^"]*"?|\S+/gi) ?? []) {
    const [, said, rest] = /^([a-z_]+):(.*)$/is.exec(word) ?? [];
    if (said === undefined || rest === undefined) {
      free.push(word.replaceAll('"', ''));
      continue;
    }
    const name = said.toLowerCase() === 'state' ? 'status' : said.toLowerCase();
    const filter = FILTERS.find(([key]) => key === name);
    const value = rest.replaceAll('"', '');
    const words: readonly string[] | null = filter?.[2] ?? null;
    if (filter === undefined) problems.push(`${said}: is no filter; there are state, ${FILTERS.slice(1).map(([key]) => key).join(', ')}`);
    else if (value === '') problems.push(`${said}: has no value`);
    else if (words !== null && !words.includes(value.toLowerCase())) problems.push(`${word} is none of ${words.join(', ')}`);
    else filters[name] = words === null ? value : value.toLowerCase();
  }
  filters.text = free.join(' ');
  return { filters: filters as RunFilters, problems };
}

/** The API's parameters: those that hold. */
export function runQuery(filters: RunFilters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== ''));
}
