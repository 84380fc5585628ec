// A run's report as `GET /api/v1/runs/{id}` has it beside its steps: the part that the OpenAPI document leaves open, as far as
// pages show it. What isn't known is null; what an earlier version didn't write may be missing.

import type { Schema } from '$lib/api/client';
import type { GapHistogram } from '$lib/charts/histogram';
import type { MeasuredLevel } from '$lib/charts/levels';
import type { SetupTimes } from '$lib/charts/waterfall';

export interface MeanMax {
  mean: number;
  max: number;
}

export interface ResultReport extends MeasuredLevel {
  benchmark_type: 'concurrent' | 'throughput';
  rate: number | null;
  compat: Schema<'Columns'>;
  instrument: {
    intended_concurrency: number | null;
    achieved_concurrency: number;
    send_lag_p50_ms: number | null;
    send_lag_p99_ms: number | null;
    cpu_share: number;
    rtt_ms: number | null;
    rtt_after_ms: number | null;
    path: string;
    littles_law_error: number | null;
    chunks: { coalesced_share: number; tokens_per_event: number | null } | null;
    flags: string[];
  };
  /** Failed requests by code. */
  errors: Record<string, number>;
  error_samples?: Record<string, string>;
  itl_histogram: GapHistogram | null;
  cross_check?: { source: string; difference_share: number | null; preemptions: number | null } | null;
  engine_slots?: { slots: number; source: string } | null;
  gpu?: { gpus: number; samples: number; memory_used_mib: MeanMax | null; utilisation: MeanMax | null; power_w: MeanMax | null } | null;
  comparability: {
    model: string;
    precision: string | null;
    context_tokens: number | null;
    parallel_slots: number | null;
    prefix_caching: boolean | null;
    prompt_set_sha256: string;
    gpu_id: string;
    gpu_count: number;
  } | null;
  efficiency?: {
    bandwidth_share: number | null;
    compute_share: number | null;
    joules_per_output_token: number | null;
    missing?: string[];
  };
}

export interface RunReport {
  run: string;
  status: Schema<'RunStatus'>;
  pod_id: string | null;
  spec: {
    workflow: string;
    engine: { kind: string; precision: string | null; context_tokens: number | null; extra_args: string[] };
    model: { id: string; common_name: string; parameter_size: string };
    machine: { provider: string; gpu_id: string; gpu_count: number; data_center?: string | null };
    load: { rates: number[]; seconds: number; prompt_tokens: number; output_tokens: number; seed: number; max_in_flight: number };
  };
  system: {
    host: {
      cpu_model: string | null;
      logical_cores: number | null;
      memory_bytes: number | null;
      os: string | null;
      kernel: string | null;
      gpu_driver: string | null;
      region?: string | null;
      shared_with_client: boolean;
    } | null;
    engine_version: string | null;
    served_model: { id: string; context_tokens: number | null; quantization: string | null; digest: string | null } | null;
    /** With a token only. */
    command: { args?: string[] } | null;
    prompts: { sha256: string } | null;
  };
  setup: SetupTimes;
  results: ResultReport[];
  cost: {
    usd_per_hour: string;
    benchmark_usd: string | null;
    usd_per_million_output_tokens: string | null;
    parts: Record<'set_up_usd' | 'measuring_usd' | 'teardown_usd' | 'idle_usd' | 'total_usd', string> | null;
  } | null;
  error: Schema<'Failure'> | null;
}

/** A run with its report and how it came to it. */
export type RunDetail = RunReport & Exclude<Schema<'RunDetail'>, never>;
