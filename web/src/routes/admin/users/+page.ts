// People by name, and those who may not write.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { codec, flag, text } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 30;
const filters = codec({ text: text(), suspended: flag(), cursor: text() });

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:users');
  const { text: typed, suspended, cursor } = filters.decode(url.searchParams);
  const query = { limit: PAGE, ...(typed && { text: typed }), ...(suspended && { suspended }), ...(cursor && { cursor }) };
  const found = await guarded(parent, 'admin', () => attempt(api(fetch).GET('/api/v1/admin/users', { params: { query } })));
  return { found, text: typed, suspended };
};
