import { describe, expect, it } from 'vitest';
import { advice, noAnswer, problemOf, worthRetrying } from './problem';

describe('problems', () => {
  it('are what the API says', () => {
    const body = { code: 'run_not_found', title: 'Not found', detail: 'there is no run x', request_id: 'r1', errors: [{ message: 'm' }] };
    expect(problemOf(404, body, new Headers())).toEqual({
      code: 'run_not_found', status: 404, title: 'Not found', detail: 'there is no run x', errors: [{ message: 'm' }], request_id: 'r1', retry_after_s: null,
    });
  });

  it('are made of whatever a proxy says instead', () => {
    const problem = problemOf(502, '<html>', new Headers({ 'x-request-id': 'r2' }));
    expect(problem.title).toBe('The server answered 502');
    expect(problem.request_id).toBe('r2');
    expect(worthRetrying(problem)).toBe(true);
  });

  it('say when to try again', () => {
    const problem = problemOf(429, {}, new Headers({ 'retry-after': '17' }));
    expect(advice(problem)).toBe('Try again in 17 s.');
  });

  it('always say what to do', () => {
    for (const status of [0, 400, 401, 403, 404, 409, 422, 429, 500, 503]) {
      expect(advice({ ...noAnswer(), status })).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('of what was asked for are not worth the same request again', () => {
    expect(worthRetrying(problemOf(422, {}, new Headers()))).toBe(false);
    expect(worthRetrying(noAnswer())).toBe(true);
  });
});
