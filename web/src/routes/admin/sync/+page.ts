// How far publishing to MongoDB is behind.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:sync');
  return { found: await guarded(parent, 'operator', () => attempt(api(fetch).GET('/api/v1/admin/sync'))) };
};
