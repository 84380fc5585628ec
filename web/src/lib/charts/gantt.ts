// The life of a run as bars: a row a step, a bar a try, and the waits between them. Times are ms since 1970. It must not know
// Svelte or the DOM.

import type { Attempt, Step } from './types';

/** How a try ended; `running` while it hasn't. */
export type Outcome = 'running' | 'done' | 'error' | 'timeout' | 'lost' | 'cancelled' | 'drained' | 'engine_lost' | 'unknown';

export interface Span {
  from: number;
  to: number;
}

export interface Try extends Span {
  /** Number within the step's error budget. */
  attempt: number;
  generation: number;
  outcome: Outcome;
  worker: string;
  code: string | null;
  message: string | null;
}

export interface Row {
  name: string;
  status: string;
  tries: Try[];
  /** While the step was due, or held back, and nobody worked on it. */
  waits: Span[];
}

/** An outcome as an icon and a word, and whether it is drawn hatched. */
export const OUTCOMES: Record<Outcome, { icon: string; word: string; hatched: boolean }> = {
  running: { icon: '▶', word: 'running', hatched: false },
  done: { icon: '✓', word: 'done', hatched: false },
  error: { icon: '✕', word: 'failed', hatched: true },
  timeout: { icon: '⏱', word: 'timed out', hatched: true },
  lost: { icon: '⚡', word: 'worker lost', hatched: true },
  engine_lost: { icon: '⚡', word: 'engine lost', hatched: true },
  cancelled: { icon: '⊘', word: 'cancelled', hatched: true },
  drained: { icon: '↷', word: 'handed over', hatched: false },
  unknown: { icon: '?', word: 'ended', hatched: false },
};

function outcomeOf(attempt: Attempt): Outcome {
  if (!attempt.outcome) return attempt.finished_at ? 'unknown' : 'running';
  return attempt.outcome in OUTCOMES ? (attempt.outcome as Outcome) : 'unknown';
}

function failure(error: unknown): { code: string | null; message: string | null } {
  const of = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return { code: text(of['code']), message: text(of['message']) };
}

/** Rows in the order of the run's definition; steps that aren't scheduled any more but were tried come with the rest. */
export function ganttRows(steps: readonly Step[], attempts: readonly Attempt[], now: number): Row[] {
  const names = [...steps].sort((a, b) => a.step - b.step).map(({ name }) => name);
  for (const { name } of attempts) if (!names.includes(name)) names.push(name);
  return names.map((name) => {
    const step = steps.find((one) => one.name === name);
    const tries = attempts
      .filter((attempt) => attempt.name === name)
      .map((attempt): Try => {
        const from = Date.parse(attempt.started_at);
        const end = attempt.finished_at ? Date.parse(attempt.finished_at) : now;
        return {
          from, to: Math.max(from, end), attempt: attempt.attempt, generation: attempt.generation, outcome: outcomeOf(attempt),
          worker: attempt.worker, ...failure(attempt.error),
        };
      })
      .sort((a, b) => a.from - b.from);
    return { name, status: step?.status ?? 'skipped', tries, waits: waitsOf(step, tries, now) };
  });
}

/** Waits are never negative: a clock that was set back, or a token issued before the try before it ended, gives none. */
function waitsOf(step: Step | undefined, tries: readonly Try[], now: number): Span[] {
  const scheduled = step ? Date.parse(step.scheduled_at) : null;
  const waits: Span[] = [];
  tries.forEach((one, at) => {
    const before = tries[at - 1];
    // A new generation begins with a new token; the time between generations is nobody's wait.
    if (before && before.generation === one.generation) waits.push({ from: before.to, to: one.from });
    else if (scheduled !== null && scheduled <= one.from && (!before || scheduled >= before.to)) waits.push({ from: scheduled, to: one.from });
  });
  if (step?.status === 'scheduled' && scheduled !== null) {
    waits.push({ from: Math.max(scheduled, tries.at(-1)?.to ?? scheduled), to: now });
  }
  return waits.filter(({ from, to }) => to > from);
}

/** From the first moment of anything to the last. */
export function extentOf(rows: readonly Row[], now: number): Span {
  const spans = rows.flatMap(({ tries, waits }) => [...tries, ...waits]);
  const from = Math.min(...spans.map((span) => span.from));
  const to = Math.max(...spans.map((span) => span.to));
  if (!Number.isFinite(from) || !Number.isFinite(to)) return { from: now - 1000, to: now };
  return { from, to: to > from ? to : from + 1000 };
}

/** `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function lasting(ms: number): string {
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(s < 1 ? 2 : 1)} s`;
  if (s < 60) return `${s.toFixed(0)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Up to here ticks are seconds: what is shorter would have the same clock on several. */
const SECONDS_UP_TO_MS = 60_000;

/** How ticks of a span are written: `0.5` (s), `0:05`, `12:30`, `2:05:00` (min:s). */
export function ticksOf(spanMs: number): { unit: string; label: (ms: number) => string } {
  if (spanMs <= SECONDS_UP_TO_MS) return { unit: 's', label: (ms) => String(Number((ms / 1000).toPrecision(6))) };
  return { unit: 'min:s', label: clock };
}

function clock(ms: number): string {
  const s = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** What is said of a try. */
export function tryInWords(row: Row, one: Try, start: number): string {
  const { word } = OUTCOMES[one.outcome];
  const code = one.code ? ` (${one.code})` : '';
  const wait = row.waits.find(({ to }) => to === one.from);
  const waited = wait ? `, after waiting ${lasting(wait.to - wait.from)}` : '';
  const message = one.message ? `. ${one.message}` : '';
  return `${row.name}, try ${one.attempt}: ${word}${code}, ${lasting(one.to - one.from)} from ${lasting(one.from - start)} on${waited}${message}`;
}
