// Reads and writes of the administration that the client's types don't cover, with what they answer. It must not know pages.
import { writeHeaders, type Outcome } from '../api/client';
import { noAnswer, ProblemError, problemOf } from '../api/problem';

export interface PodRow {
  id: number;
  name: string;
  run: string;
  provider: string;
  external_id: string | null;
  /** `intent`, `created`, `deleting`, `gone`. */
  state: string;
  generation: number;
  created_at: string;
  gone_at: string | null;
}

export interface AuditEntry {
  id: number;
  ts: string;
  actor: string;
  role: string | null;
  action: string;
  target: string;
  detail: unknown;
  request_id: string | null;
}

export interface TokenRow {
  name: string;
  role: 'viewer' | 'operator' | 'admin';
  created_at: string;
  created_by: string;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface SyncStatus {
  /** Null: nothing is published to. */
  database: string | null;
  lag: { unsent: number; oldest_s: number | null; failing: number; last_sent_at: string | null };
  refused: { aggregate: string; key: string; attempts: number; error: string; next_try_at: string | null }[];
  last: { at: string; host: string; report: unknown } | null;
}

/** What was asked for, or what is wrong. */
export async function read<T>(fetchOf: typeof fetch, path: string): Promise<Outcome<T>> {
  try {
    return { ok: true, data: await answerOf<T>(fetchOf(path, { headers: { Accept: 'application/json' } })) };
  } catch (reason) {
    if (reason instanceof ProblemError) return { ok: false, problem: reason.problem };
    throw reason;
  }
}

/** What came of it, or a ProblemError. */
export function write<T>(path: string, body?: unknown): Promise<T> {
  const type = body === undefined ? undefined : { 'Content-Type': 'application/json' };
  return answerOf<T>(fetch(path, { method: 'POST', headers: { ...writeHeaders(), ...type }, body: body === undefined ? null : JSON.stringify(body) }));
}

async function answerOf<T>(answering: Promise<Response>): Promise<T> {
  const answer = await answering.catch(() => {
    throw new ProblemError(noAnswer());
  });
  const said: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new ProblemError(problemOf(answer.status, said, answer.headers));
  return said as T;
}
