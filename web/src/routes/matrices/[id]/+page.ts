// The report of a matrix: its cells, what became of each and why.
import { api, attempt } from '$lib/api/client';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params, fetch, depends }) => {
  depends('app:matrix');
  return { id: params.id, found: await attempt(api(fetch).GET('/api/v1/matrices/{id}', { params: { path: { id: params.id } } })) };
};
