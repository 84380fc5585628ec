// Jobs by queue and state: tokens that wake a step.
import { api, attempt } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { codec, oneOf, text } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 30;
const STATES = ['queued', 'scheduled', 'running', 'done', 'failed'] as const;
const filters = codec({ queue: text(), state: oneOf(['', ...STATES], ''), cursor: text() });

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:jobs');
  const { queue, state, cursor } = filters.decode(url.searchParams);
  const query = { limit: PAGE, ...(queue && { queue }), ...(state && { state }), ...(cursor && { cursor }) };
  const found = await guarded(parent, 'operator', () => attempt(api(fetch).GET('/api/v1/admin/jobs', { params: { query } })));
  return { found, queue, state, states: STATES };
};
