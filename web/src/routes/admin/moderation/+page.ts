// Comments that wait for somebody to look at them, or those that are hidden.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { codec, oneOf, text } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 20;
const filters = codec({ state: oneOf(['', 'hidden'], ''), cursor: text() });

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:moderation');
  const { state, cursor } = filters.decode(url.searchParams);
  const query = { limit: PAGE, ...(state && { state }), ...(cursor && { cursor }) };
  const found = await guarded(parent, 'operator', () => attempt(api(fetch).GET('/api/v1/admin/moderation', { params: { query } })));
  return { found, hidden: state === 'hidden' };
};
