// One's conversations, and the one that the URL names.
import { api, ask } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:conversations');
  await parent();
  if (!session.isPerson) return { conversations: [], conversation: null };
  const client = api(fetch);
  const id = url.searchParams.get('c');
  const [{ conversations }, conversation] = await Promise.all([
    ask(client.GET('/api/v1/assistant/conversations')),
    id === null ? null : ask(client.GET('/api/v1/assistant/conversations/{id}', { params: { path: { id } } })),
  ]);
  return { conversations, conversation };
};
