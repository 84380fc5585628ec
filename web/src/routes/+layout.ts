// The site is drawn in the browser alone; the server's part is the API and the first page's head.
import { session } from '$lib/session.svelte';
import { ProblemError } from '$lib/api/problem';
import type { LayoutLoad } from './$types';

export const ssr = false;
export const prerender = false;
export const trailingSlash = 'never';

export const load: LayoutLoad = async ({ fetch, depends }) => {
  depends('app:session');
  try {
    await session.load(fetch);
  } catch (reason) {
    // Whoever can't be told from a stranger sees what strangers see; the page's own requests tell what is wrong.
    if (!(reason instanceof ProblemError)) throw reason;
  }
  return {};
};
