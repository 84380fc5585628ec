// A request that failed, as the API tells it (RFC 9457), and what somebody can do about it. It must not know pages.

/** A part of the request that can't be used. */
export interface BadPart {
  parameter?: string | null;
  field?: string | null;
  message: string;
}

export interface Problem {
  /** Stable, for programs: `run_not_found`. */
  code: string;
  /** 0: there was no answer. */
  status: number;
  title: string;
  detail: string;
  errors: BadPart[];
  request_id: string | null;
  /** When it is worth another try. */
  retry_after_s: number | null;
}

export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(readonly problem: Problem) {
    super(`${problem.title}: ${problem.detail}`);
  }
}

/** There was no answer: the connection, or the server, is away. */
export function noAnswer(): Problem {
  return {
    code: 'no_answer',
    status: 0,
    title: 'The server did not answer',
    detail: 'The connection was refused or broke off before there was an answer.',
    errors: [],
    request_id: null,
    retry_after_s: null,
  };
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The problem that a refused answer tells of, whatever its body is. */
export function problemOf(status: number, body: unknown, headers: Headers): Problem {
  const said = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const after = Number(headers.get('retry-after'));
  return {
    code: text(said.code) ?? `http_${status}`,
    status,
    title: text(said.title) ?? `The server answered ${status}`,
    detail: text(said.detail) ?? text(said.message) ?? 'It gave no reason.',
    errors: Array.isArray(said.errors) ? (said.errors as BadPart[]) : [],
    request_id: text(said.request_id) ?? headers.get('x-request-id'),
    retry_after_s: Number.isFinite(after) && after > 0 ? after : null,
  };
}

/** What to do next, in a sentence. */
export function advice(problem: Problem): string {
  switch (problem.status) {
    case 0:
      return 'Check your connection and that the server runs, then try again.';
    case 401:
      return 'Sign in, then try again.';
    case 403:
      return 'Sign in as somebody who may do this, or ask an administrator.';
    case 404:
      return 'Check the address, or look for it in the explorer.';
    case 409:
      return 'Reload to see how things are now.';
    case 422:
      return 'Change what is named below, then try again.';
    case 429:
      return problem.retry_after_s === null
        ? 'Wait a minute, then try again.'
        : `Try again in ${problem.retry_after_s} s.`;
    case 503:
      return 'Try again in a moment. If it stays, tell whoever runs this server.';
    default:
      return 'Try again. If it stays, report it with the request id.';
  }
}

/** Whether asking again without any change can help. */
export function worthRetrying(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 429 || problem.status >= 500;
}
