// The times before the first measured request, as bars. What nobody saw has no bar and is said to be unknown; nothing is ever
// worked out from the others.

/** As a run's report has it, s. */
export interface SetupTimes {
  server_setup_s: number | null;
  server_setup_parts: {
    placement_and_image_pull_s: number | null;
    container_start_s: number | null;
    port_open_s: number | null;
  };
  model_download_s: number | null;
  model_loading_s: number | null;
  warmup_s: number | null;
  total_s: number | null;
}

export interface Stage {
  key: string;
  label: string;
  /** Null: nobody saw it. */
  seconds: number | null;
  /** Where its bar begins, s. */
  from: number;
  /** A part of the stage before. */
  part: boolean;
  /** Observed as one, not a sum. */
  total: boolean;
}

/** Stages laid end to end, the observed total last. They may overlap or leave gaps in truth, which is why it isn't their sum. */
export function stagesOf(times: SetupTimes): Stage[] {
  const stages: Stage[] = [];
  let at = 0;
  const add = (key: string, label: string, seconds: number | null, part = false) => {
    const from = part ? partFrom : at;
    stages.push({ key, label, seconds, from, part, total: false });
    if (part) partFrom += seconds ?? 0;
    else at += seconds ?? 0;
  };
  let partFrom = 0;
  add('server_setup_s', 'Server set-up', times.server_setup_s);
  const parts = times.server_setup_parts;
  const known = [
    ['placement_and_image_pull_s', 'placement and image pull', parts.placement_and_image_pull_s],
    ['container_start_s', 'container start', parts.container_start_s],
    ['port_open_s', 'port opens', parts.port_open_s],
  ] as const;
  for (const [key, label, seconds] of known) if (seconds !== null) add(key, label, seconds, true);
  add('model_download_s', 'Model download', times.model_download_s);
  add('model_loading_s', 'Model loading', times.model_loading_s);
  add('warmup_s', 'Warm-up', times.warmup_s);
  stages.push({ key: 'total_s', label: 'Total, observed', seconds: times.total_s, from: 0, part: false, total: true });
  return stages;
}
