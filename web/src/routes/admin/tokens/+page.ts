// Tokens of the API, without their secrets.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:tokens');
  return { found: await guarded(parent, 'admin', () => attempt(api(fetch).GET('/api/v1/admin/tokens'))) };
};
