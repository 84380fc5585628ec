// Schedules with their next times and what became of the last.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:schedules');
  return { found: await guarded(parent, 'operator', () => attempt(api(fetch).GET('/api/v1/schedules'))) };
};
