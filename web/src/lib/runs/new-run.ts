// What the form for a new run asks for, as the request that the API takes; and which field a complaint of the server is about.
// It must not know pages.
import type { Schema } from '../api/client';
import type { BadPart, Problem } from '../api/problem';
import { codec, text, type State } from '../url-state';

/** As typed, under the API's own paths, so that its complaints find their inputs. */
const fields = {
  'engine.kind': { ...text(), initial: 'vllm' },
  'engine.precision': text(),
  'engine.context_tokens': text(),
  'engine.parallel_slots': text(),
  'model.id': text(),
  'model.common_name': text(),
  'model.parameter_size': text(),
  'machine.provider': { ...text(), initial: 'runpod' },
  'machine.gpu_id': text(),
  'machine.gpu_count': text(),
  'machine.url': text(),
  'machine.host': text(),
  'machine.container_disk_in_gb': text(),
  'machine.max_usd_per_hour': text(),
  'load.rates': text(),
  'load.seconds': text(),
  'load.prompt_tokens': text(),
  'load.output_tokens': text(),
  max_usd: text(),
  priority: text(),
  workflow: text(),
};

/** A link may fill the form: `/runs/new?engine.kind=sglang&model.id=Llama+3.1+8B`. */
export const newRun = codec(fields);
export type NewRun = State<typeof fields>;
export type FieldName = keyof NewRun;

const PROVIDERS_OF: Partial<Record<FieldName, readonly string[]>> = {
  'machine.url': ['endpoint'],
  'machine.host': ['local'],
  'machine.container_disk_in_gb': ['runpod'],
  'machine.max_usd_per_hour': ['runpod'],
  max_usd: ['runpod'],
};

/** Whether a field means anything where the run is to be. */
export function applies(name: FieldName, form: NewRun): boolean {
  if (name === 'machine.max_usd_per_hour' && form['machine.gpu_id'] !== 'auto') return false;
  return PROVIDERS_OF[name]?.includes(form['machine.provider']) ?? true;
}

const NUMBERS: readonly FieldName[] = [
  'engine.context_tokens', 'engine.parallel_slots', 'machine.gpu_count', 'machine.container_disk_in_gb', 'machine.max_usd_per_hour',
  'load.seconds', 'load.prompt_tokens', 'load.output_tokens', 'max_usd', 'priority',
];

/** The request; what is empty is left to the server. What is no number is sent as it is, so that the server says so. */
export function requestOf(form: NewRun): Schema<'RunRequest'> {
  const request: Record<string, unknown> = {};
  for (const name of Object.keys(fields) as FieldName[]) {
    const typed = form[name].trim();
    if (typed === '' || !applies(name, form)) continue;
    const [first, second] = name.split('.') as [string, string | undefined];
    const value = name === 'load.rates' ? ratesOf(typed) : NUMBERS.includes(name) ? numberOr(typed) : typed;
    if (second === undefined) request[first] = value;
    else request[first] = { ...(request[first] as object | undefined), [second]: value };
  }
  for (const part of ['engine', 'model', 'machine']) request[part] ??= {};
  return request as unknown as Schema<'RunRequest'>;
}

const numberOr = (typed: string): number | string => (Number.isFinite(Number(typed)) ? Number(typed) : typed);

/** `1, 2 4-6` is 1, 2, 4, 5 and 6. */
export function ratesOf(typed: string): (number | string)[] {
  return typed.split(/[\s,]+/).filter((word) => word !== '').flatMap((word) => {
    const [, from, to] = /^(\d+)-(\d+)$/.exec(word) ?? [];
    if (from === undefined || to === undefined) return [numberOr(word)];
    const many = Math.min(64, Math.max(0, Number(to) - Number(from) + 1));
    return Array.from({ length: many }, (_, at) => Number(from) + at);
  });
}

/** What the server says of each field, and what it says of none that is here. */
export function complaints(problem: Problem | null): { of: Partial<Record<FieldName, string>>; rest: BadPart[] } {
  const of: Partial<Record<FieldName, string>> = {};
  const rest: BadPart[] = [];
  for (const part of problem?.errors ?? []) {
    const path = (part.field ?? '').replace(/\.\d+$/, '');
    const name = (Object.keys(fields) as FieldName[]).find((one) => one === path);
    if (name === undefined) rest.push(part);
    else of[name] = of[name] === undefined ? part.message : `${of[name]}; ${part.message}`;
  }
  return { of, rest };
}

/** A key that nobody else has. Without `randomUUID`, which browsers have on secure origins only. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
