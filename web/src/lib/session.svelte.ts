// Who is signed in: one kind of principal, with a role. Pages ask here whether to show what only some may do; the server decides
// anyway. It must not know pages.
import { api, ask, setCsrfToken, type Schema } from './api/client';

export type Role = Schema<'Role'>;
export type Who = Schema<'Who'>;

const RANKS: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

class Session {
  /** Null: nobody. */
  who = $state<Who | null>(null);
  /** Whether people can sign in with GitHub here. */
  github = $state(false);
  /** Whether the server was asked yet. */
  known = $state(false);

  /** Whether a person is signed in: tokens comment and vote on nothing. */
  get isPerson(): boolean {
    return this.who?.kind === 'user';
  }

  /** Whether who is signed in may do what a role may. */
  may(role: Role): boolean {
    const mine = this.who?.role;
    return mine !== null && mine !== undefined && RANKS[mine] >= RANKS[role];
  }

  set(said: Schema<'Session'>): void {
    this.who = said.who ?? null;
    this.github = said.github;
    this.known = true;
    setCsrfToken(said.csrf_token ?? null);
  }

  /** Asks the server. A server that is away leaves what was known. */
  async load(fetchOf: typeof fetch = fetch): Promise<void> {
    this.set(await ask(api(fetchOf).GET('/api/v1/session')));
  }

  /** Signs in with a token of the API. It is sent once and kept nowhere: the cookie stands for it. */
  async openWith(token: string): Promise<void> {
    this.set(await ask(api().POST('/api/v1/session', { headers: { Authorization: `Bearer ${token}` } })));
  }

  async end(): Promise<void> {
    await ask(api().DELETE('/api/v1/session'));
    await this.load();
  }
}

export const session = new Session();

/** Where to go to sign in, and to come back from. */
export function signInHref(url: URL): string {
  const back = url.pathname + url.search;
  return back === '/' ? '/sign-in' : `/sign-in?return_to=${encodeURIComponent(back)}`;
}

/** A path of this site to go on to; anything else is the start page. */
export function safeReturn(path: string | null): string {
  return path !== null && /^\/(?![/\\])/.test(path) && !/[\u0000-\u001f]/.test(path) ? path : '/';
}
