// What somebody wants a recommendation for, as the URL says it, and as the API is asked. It must not know components.
import type { Schema } from '../api/client';
import { codec, flag, href, number, oneOf, text, type State } from '../url-state';

export const GOALS = ['cheapest', 'fastest', 'slo'] as const;
export const ENGINES = ['vllm', 'sglang', 'ollama', 'llamacpp'] as const;
export const PRECISIONS = ['fp32', 'bf16', 'fp16', 'fp8', 'int8', 'awq', 'gptq', 'mxfp4', 'q4_k_m', 'q8_0'] as const;

const fields = {
  model: text(),
  /** The size of a model that isn't in the catalog: `7b`. */
  parameters: text(),
  engine: oneOf(ENGINES, 'vllm'),
  goal: oneOf(GOALS, 'cheapest'),
  max_usd_per_hour: number(),
  ttft_ms: number(),
  itl_ms: number(),
  concurrency: number(),
  prompt_tokens: number(),
  output_tokens: number(),
  precision: oneOf(['', ...PRECISIONS], ''),
  context: number(),
  /** Every way, not the best ones alone. */
  all: flag(),
};

export const wishes = codec(fields);
export type Wish = State<typeof fields>;

export function wishHref(wish: Wish): string {
  return href('/recommend', wishes.encode(wish));
}

/** Whether there is a model to recommend for. */
export function isAsked(wish: Wish): boolean {
  return wish.model.trim() !== '' || wish.parameters.trim() !== '';
}

/** The API's parameters; those of the load that aren't said are left to it. */
export function wishQuery(wish: Wish) {
  const { model, parameters, engine, goal, max_usd_per_hour, precision, all: _, ...numbers } = wish;
  const said = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== null)) as Partial<Record<keyof typeof numbers, number>>;
  return {
    engine,
    goal,
    ...said,
    ...(model.trim() === '' ? {} : { model: model.trim() }),
    ...(parameters.trim() === '' ? {} : { parameters: parameters.trim() }),
    ...(max_usd_per_hour === null ? {} : { max_usd_per_hour: String(max_usd_per_hour) }),
    ...(precision === '' ? {} : { precision }),
  };
}

/** Kinds of prediction in words: the best first. */
export const METHODS: Record<Schema<'Method'>, { word: string; says: string }> = {
  history: { word: 'measured', says: 'from runs of this model, engine and GPU' },
  scaled: { word: 'scaled', says: 'from runs on other GPUs, scaled by what both can do' },
  roofline: { word: 'estimated', says: 'from bandwidth and arithmetic of the GPU alone' },
};

export const MEETS: Record<Schema<'Meets'>, { word: string; tone: 'good' | 'warn' | 'bad' }> = {
  surely: { word: 'surely in time', tone: 'good' },
  likely: { word: 'likely in time', tone: 'warn' },
  no: { word: 'not in time', tone: 'bad' },
};
