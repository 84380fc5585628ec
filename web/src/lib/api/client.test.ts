import { afterEach, describe, expect, it } from 'vitest';
import { api, ask, attempt, setCsrfToken } from './client';
import { ProblemError } from './problem';

afterEach(() => setCsrfToken(null));

/** A fetch that keeps its requests and gives one answer. */
function answering(answer: () => Response) {
  const requests: Request[] = [];
  const fetchOf = (async (request: Request) => {
    requests.push(request);
    return answer();
  }) as typeof fetch;
  return { requests, fetchOf };
}

const problem = () =>
  new Response(JSON.stringify({ code: 'run_not_found', title: 'Not found', detail: 'no such run', request_id: 'r9' }), {
    status: 404, headers: { 'Content-Type': 'application/problem+json' },
  });

describe('the client', () => {
  it('asks with several values of a parameter one by one', async () => {
    const { requests, fetchOf } = answering(() => Response.json({ runs: [], total: 0, truncated: false }));
    await ask(api(fetchOf).GET('/api/v1/explore', { params: { query: { engine: ['VLLM', 'SGLang'], ttft_max: 500 } } }));
    expect(new URL(requests[0]!.url).search).toBe('?engine=VLLM&engine=SGLang&ttft_max=500');
  });

  it('proves a write by the token of the session, and no read', async () => {
    const { requests, fetchOf } = answering(() => Response.json({}));
    setCsrfToken('proof');
    await ask(api(fetchOf).DELETE('/api/v1/session'));
    await ask(api(fetchOf).GET('/api/v1/session'));
    expect(requests.map((request) => request.headers.get('X-CSRF-Token'))).toEqual(['proof', null]);
  });

  it('throws the problem that the API tells of', async () => {
    const { fetchOf } = answering(problem);
    const asked = ask(api(fetchOf).GET('/api/v1/session'));
    await expect(asked).rejects.toMatchObject({ problem: { code: 'run_not_found', status: 404, request_id: 'r9' } });
    await expect(asked).rejects.toBeInstanceOf(ProblemError);
  });

  it('tells a server that is away from one that refuses', async () => {
    const away = (() => Promise.reject(new TypeError('refused'))) as unknown as typeof fetch;
    expect(await attempt(api(away).GET('/api/v1/session'))).toMatchObject({ ok: false, problem: { code: 'no_answer', status: 0 } });
  });

  it('lets a request that was given up on be given up on', async () => {
    const gone = (() => Promise.reject(new DOMException('gone', 'AbortError'))) as unknown as typeof fetch;
    await expect(attempt(api(gone).GET('/api/v1/session'))).rejects.toMatchObject({ name: 'AbortError' });
  });
});
