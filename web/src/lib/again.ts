// Reading a page's data again by itself. SvelteKit takes that for a navigation of its own and drops one that somebody has begun,
// so whoever is on the way to another page is left alone.
import { invalidate } from '$app/navigation';
import { navigating } from '$app/state';

/** Reads what depends on this name again. */
export async function reread(name: string): Promise<void> {
  if (navigating.to === null) await invalidate(name);
}
