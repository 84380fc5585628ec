// What happens to a run, as lines of a log: an event in words, with the level that it is to be read with. It must not know pages.
import type { Schema } from '../api/client';
import type { LogLine } from '../components/LogView.svelte';

export type RunEvent = Schema<'Event'>;

const LEVELS: Record<string, LogLine['level']> = {
  step_failed: 'error',
  step_panicked: 'error',
  step_retry: 'warn',
  step_timeout: 'warn',
  step_cancelled: 'warn',
  worker_lost: 'warn',
  engine_lost: 'warn',
  pod_reaped: 'warn',
  budget_hit: 'error',
  step_drained: 'info',
  step_woken: 'debug',
};

/** An event as a line: its kind in words, its step, what it says, who did it. */
export function eventLine(event: RunEvent): LogLine {
  const { told, failed } = saying(event.data);
  const words = event.kind.replaceAll('_', ' ');
  const text = [event.step ? `${event.step}: ${words}` : words, told, by(event.actor)].filter((part) => part !== '').join(' · ');
  const level = LEVELS[event.kind] ?? (failed || (event.kind === 'run_finished' && told.includes('failed')) ? 'error' : 'info');
  return { id: String(event.id), at: event.ts.slice(11, 19), level, text };
}

/** Workers have long names that say nothing; people and tokens matter. */
function by(actor: string): string {
  return actor === '' || actor.startsWith('worker') ? '' : `by ${actor}`;
}

function saying(data: unknown): { told: string; failed: boolean } {
  if (typeof data !== 'object' || data === null) return { told: '', failed: false };
  const { failure, ...rest } = data as Record<string, unknown>;
  const parts = Object.entries(rest)
    .filter(([key, value]) => key !== 'fence' && !isEmpty(value) && !(key === 'losses' && value === 0))
    .map(([key, value]) => `${key.replaceAll('_', ' ')} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const said = typeof failure === 'object' && failure !== null ? (failure as Record<string, unknown>) : null;
  if (said !== null) parts.unshift(`${String(said.code)}: ${String(said.message)}`);
  return { told: parts.join(', '), failed: said !== null };
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** Events without repetition, oldest first. */
export function merged(known: readonly RunEvent[], more: readonly RunEvent[]): RunEvent[] {
  const byId = new Map([...known, ...more].map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

/** The most that the run may cost, as the events tell it; null: none was set that they tell of. */
export function capOf(events: readonly RunEvent[]): string | null {
  const changed = events.findLast(({ kind }) => kind === 'budget_changed');
  const data = (changed?.data ?? null) as Record<string, unknown> | null;
  const cap = data?.max_usd;
  return typeof cap === 'string' || typeof cap === 'number' ? String(cap) : null;
}
