// The one way to the server: a client typed by its OpenAPI document. What fails is a ProblemError; writes carry the session's
// CSRF token. The cookie and ETags are the browser's business. It must not know pages or components.
import createClient, { type Client, type Middleware } from 'openapi-fetch';
import { noAnswer, ProblemError, problemOf, type Problem } from './problem';
import type { components, paths } from './schema';

/** A type of the API by its name there: `Schema<'ExploredRun'>`. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

export type Api = Client<paths>;

let csrfToken: string | null = null;

/** Told by the session whenever it changes; null: there is no cookie, so nothing to prove. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Headers that a write needs beside what it says itself. */
export function writeHeaders(): Record<string, string> {
  return csrfToken === null ? {} : { 'X-CSRF-Token': csrfToken };
}

const proof: Middleware = {
  onRequest({ request }) {
    if (request.method === 'GET' || request.method === 'HEAD') return undefined;
    for (const [name, value] of Object.entries(writeHeaders())) request.headers.set(name, value);
    return request;
  },
};

/** A client. In `load` give it the `fetch` of the event. */
export function api(fetchOf: typeof fetch = fetch): Api {
  // openapi-fetch hands over a Request; the browser's fetch has to be called on nothing but the window.
  const client = createClient<paths>({ baseUrl: origin(), fetch: (request) => fetchOf(request) });
  client.use(proof);
  return client;
}

function origin(): string {
  return typeof location === 'undefined' ? 'http://localhost' : location.origin;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was asked for, or a ProblemError. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer.catch((reason: unknown) => {
    if (reason instanceof DOMException && reason.name === 'AbortError') throw reason;
    throw new ProblemError(noAnswer());
  });
  if (!response.ok) throw new ProblemError(problemOf(response.status, error, response.headers));
  return data as T;
}

/** What was asked for, or what is wrong: where a page stays usable without it. */
export type Outcome<T> = { ok: true; data: T } | { ok: false; problem: Problem };

export async function attempt<T>(answer: Promise<Answer<T>>): Promise<Outcome<T>> {
  try {
    return { ok: true, data: await ask(answer) };
  } catch (reason) {
    if (reason instanceof ProblemError) return { ok: false, problem: reason.problem };
    throw reason;
  }
}
