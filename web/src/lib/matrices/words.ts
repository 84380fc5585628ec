// Matrices in words: how many cells are where, and which of them can go on. It must not know pages.
import type { Schema } from '../api/client';

type Counts = Schema<'Counts'>;

const ORDER = ['done', 'running', 'waiting', 'failed', 'skipped', 'cancelled'] as const;

/** `6 done, 2 failed`: only what there is. */
export function countsInWords(counts: Counts): string {
  return ORDER.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${state}`).join(', ') || 'no cells';
}

/** Cells that there are: each was planned. */
export function cellsOf(counts: Counts): number {
  return counts.planned;
}

/** Cells that a resume would take up again. */
export function resumable(counts: Counts): number {
  return counts.failed + counts.skipped + counts.cancelled;
}

/** Whether any of its cells will still change by itself. */
export function goesOn(state: Schema<'MatrixState'>): boolean {
  return state === 'planned' || state === 'running';
}
