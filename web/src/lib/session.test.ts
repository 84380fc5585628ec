import { describe, expect, it } from 'vitest';
import { safeReturn, session, signInHref } from './session.svelte';

describe('coming back from signing in', () => {
  it.each(['/', '/runs?state=failed', '/results/a%20b'])('leads to %s', (path) => expect(safeReturn(path)).toBe(path));

  it.each([null, '', 'runs', 'https://elsewhere.example', '//elsewhere.example', '/\\elsewhere.example', 'javascript:alert(1)', '/\n/x'])(
    'never leads off this site by %s', (path) => expect(safeReturn(path)).toBe('/'));

  it('keeps the page that one was on', () => {
    expect(signInHref(new URL('http://x/runs?state=failed'))).toBe('/sign-in?return_to=%2Fruns%3Fstate%3Dfailed');
    expect(signInHref(new URL('http://x/'))).toBe('/sign-in');
  });
});

describe('who is signed in', () => {
  const who = (kind: string, role: 'viewer' | 'operator' | 'admin' | null) => ({ kind, name: 'n', github_id: null, avatar_url: null, role, suspended: null });

  it('may do what their role and those below may', () => {
    session.set({ who: who('token', 'operator'), csrf_token: 't', github: false });
    expect([session.may('viewer'), session.may('operator'), session.may('admin'), session.isPerson]).toEqual([true, true, false, false]);
  });

  it('may do nothing more than read without a role', () => {
    session.set({ who: who('user', null), csrf_token: 't', github: true });
    expect([session.may('viewer'), session.isPerson]).toEqual([false, true]);
    session.set({ who: null, csrf_token: null, github: true });
    expect([session.may('viewer'), session.isPerson]).toEqual([false, false]);
  });
});
