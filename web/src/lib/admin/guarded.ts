// What a page for those who administer asks the server, and that it asks nothing for those who may not. It must not know pages.
import type { Outcome } from '../api/client';
import { session, type Role } from '../session.svelte';

/** The answer; null for whoever's role isn't enough, who is told so instead. */
export async function guarded<T>(parent: () => Promise<unknown>, role: Role, asked: () => Promise<Outcome<T>>): Promise<Outcome<T> | null> {
  // The session is known once the layout's load is through.
  await parent();
  return session.may(role) ? asked() : null;
}
