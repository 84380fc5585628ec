// Where a run stands, in one word, and what may be done with it then. It must not know pages.
import type { Schema } from '../api/client';

type Status = Schema<'RunStatus'>;

interface Standing {
  status: Status;
  paused: boolean;
  cancel_requested: boolean;
}

export function isOver(status: Status): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

/** One word for its badge: what somebody asked of a run that goes on is said first. */
export function stateOf({ status, paused, cancel_requested }: Standing): string {
  if (isOver(status)) return status;
  return cancel_requested ? 'cancelling' : paused ? 'paused' : status;
}

export type Action = 'pause' | 'resume' | 'cancel' | 'retry' | 'rerun';

/** What can be asked of it. The server decides anyway. */
export function actionsOf(run: Standing): Action[] {
  if (run.status === 'succeeded') return ['rerun'];
  if (isOver(run.status)) return ['retry', 'rerun'];
  if (run.cancel_requested) return [];
  return [run.paused ? 'resume' : 'pause', 'cancel'];
}

/** A step of a workflow that was tried can be begun again from; what isn't measured anew comes before it. */
export function retrySteps(steps: readonly Pick<Schema<'Step'>, 'name'>[]): string[] {
  return steps.map(({ name }) => name).filter((name) => name !== 'teardown');
}
