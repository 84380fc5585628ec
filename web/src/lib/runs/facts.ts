// A published run in words: where it is, what it is called, and what its figures have to be read with.
import { gpuWords, noteOf } from '../charts/configurations';
import type { Schema } from '../api/client';

export type RunFacts = Schema<'RunFacts'>;

/** Its page. */
export function resultHref(id: string): string {
  return `/results/${encodeURIComponent(id)}`;
}

/** `vLLM · NVIDIA H200 · Llama 3.1 8B`: one line that tells it from others. */
export function runLabel(run: RunFacts): string {
  return [run.model, run.engine, gpuWords(run.gpu, run.gpu_count)].join(' · ');
}

export interface Caveat {
  text: string;
  why: string;
  tone: 'calm' | 'warn';
}

const WHY: Record<string, string> = {
  'simulated engine': "figures of the instrument's own simulator, which say nothing of any GPU",
  imported: 'measured by others; no samples are here, so no spread is known',
  CPU: 'ran on a processor without a GPU',
};

/** What must be known before its figures are compared with others'. */
export function caveats(run: Pick<RunFacts, 'engine' | 'gpu_count' | 'origin' | 'llm_id'>): Caveat[] {
  // One that is both simulated and imported says both.
  const notes = new Set([noteOf(run.engine, run.gpu_count, run.origin, run.llm_id), run.origin === 'imported' ? 'imported' : undefined,
    run.gpu_count === 0 ? 'CPU' : undefined]);
  return [...notes].filter((note) => note !== undefined)
    .map((text) => ({ text, why: WHY[text] ?? '', tone: text === 'simulated engine' ? 'warn' : 'calm' }));
}
