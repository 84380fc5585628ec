// What happens to a run, as lines of a log: an event in words, with the level that it is to be read with. It must not know pages.
import type { Schema } from '../api/client';
import { number } from '../format';
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
  const { said, failed } = saying(event.data);
  const words = event.kind.replaceAll('_', ' ');
  const text = [event.step ? `${event.step}: ${words}` : words, said, by(event.actor)].filter((part) => part !== '').join(' · ');
  const level = LEVELS[event.kind] ?? (failed || (event.kind === 'run_finished' && said.includes('failed')) ? 'error' : 'info');
  return { id: String(event.id), at: event.ts.slice(11, 19), level, text };
}

/** Workers have long names that say nothing; people and tokens matter. */
function by(actor: string): string {
  return actor === '' || actor.startsWith('worker') ? '' : `by ${actor}`;
}

function saying(data: unknown): { said: string; failed: boolean } {
  if (typeof data !== 'object' || data === null) return { said: '', failed: false };
  const { failure, ...rest } = data as Record<string, unknown>;
  const parts = told(rest);
  const failed = typeof failure === 'object' && failure !== null ? (failure as Record<string, unknown>) : null;
  if (failed !== null) parts.unshift(`${String(failed.code)}: ${String(failed.message)}`);
  return { said: parts.join(', '), failed: failed !== null };
}

/** `attempt 2`, `model loading 8.89 s`: what is known, without what only the ledger needs. */
function told(data: object): string[] {
  return Object.entries(data).flatMap(([key, value]: [string, unknown]) => {
    if (key === 'fence' || value === null || value === '' || (key === 'losses' && value === 0)) return [];
    const [, name = key, unit] = /^(.+)_(s|ms|usd|gb)$/.exec(key) ?? [];
    const words = name.replaceAll('_', ' ');
    if (typeof value === 'number') return [`${words} ${number(value)}${unit ? ` ${unit}` : ''}`];
    if (typeof value !== 'object') return [`${words} ${String(value)}`];
    if (Array.isArray(value)) return value.length === 0 ? [] : [`${words} ${value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(' ')}`];
    return told(value);
  });
}

/** Events without repetition, oldest first. */
export function merged(known: readonly RunEvent[], more: readonly RunEvent[]): RunEvent[] {
  const byId = new Map([...known, ...more].map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}
