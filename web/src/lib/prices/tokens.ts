// What a price per hour is worth in tokens: the price of a million output tokens on a GPU, by what was measured on it. The formula
// is that of the methodology: $/h ÷ (output tokens/s × 3600) × 10⁶.

import type { Schema } from '$lib/api/client';
import { isOfSimulator } from '$lib/charts/configurations';

type Run = Schema<'ExploredRun'>;

/** The result that stands for a GPU. */
export interface Speed {
  /** Of one GPU of the machine. */
  outputTokensPerSecondPerGpu: number;
  result: string;
  engine: string;
}

/** Dollars for a million output tokens. */
export function usdPerMillion(usdPerGpuHour: number, outputTokensPerSecondPerGpu: number): number | null {
  if (!(outputTokensPerSecondPerGpu > 0)) return null;
  return (usdPerGpuHour / (outputTokensPerSecondPerGpu * 3600)) * 1e6;
}

/** By GPU the fastest of these results. What ran on no GPU, came to no figure, or was answered by the simulator, stands for none. */
export function fastestByGpu(runs: readonly Run[]): Map<string, Speed> {
  const fastest = new Map<string, Speed>();
  for (const run of runs) {
    const tps = run.metrics['tps']?.value;
    if (tps === undefined || run.gpu_count < 1 || isOfSimulator(run.engine, run.llm_id)) continue;
    const per = tps / run.gpu_count;
    if (per > (fastest.get(run.gpu)?.outputTokensPerSecondPerGpu ?? 0)) {
      fastest.set(run.gpu, { outputTokensPerSecondPerGpu: per, result: run.id, engine: run.engine });
    }
  }
  return fastest;
}
