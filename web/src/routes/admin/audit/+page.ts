// Who changed what, the newest first.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

const PAGE = 50;

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:audit');
  const cursor = url.searchParams.get('cursor') ?? '';
  const query = { limit: PAGE, ...(cursor && { cursor }) };
  return { found: await guarded(parent, 'operator', () => attempt(api(fetch).GET('/api/v1/admin/audit', { params: { query } }))) };
};
