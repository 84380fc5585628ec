// What is kept of whoever is signed in. A token is nobody in particular: of it there is nothing more than the session says.
import { api, ask } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:profile');
  await parent();
  if (!session.isPerson) return { mine: null };
  const client = api(fetch);
  const [profile, sessions, comments, conversations] = await Promise.all([
    ask(client.GET('/api/v1/me')),
    ask(client.GET('/api/v1/me/sessions')),
    ask(client.GET('/get_user_comments')),
    ask(client.GET('/api/v1/assistant/conversations')),
  ]);
  return { mine: { profile, ...sessions, ...comments, ...conversations } };
};
