// Pods that we have outside, and what the reaper last found.
import { api, attempt, type Outcome, type Schema } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { codec, flag, text } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 50;
const filters = codec({ all: flag(), cursor: text() });

export type Pods = Schema<'PodList'> & Schema<'Reaper'>;

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:pods');
  const { all, cursor } = filters.decode(url.searchParams);
  const query = { limit: PAGE, ...(all && { all }), ...(cursor && { cursor }) };
  const client = api(fetch);
  const asked = async (): Promise<Outcome<Pods>> => {
    const [pods, reaper] = await Promise.all([attempt(client.GET('/api/v1/admin/pods', { params: { query } })), attempt(client.GET('/api/v1/admin/reaper'))]);
    if (!pods.ok) return pods;
    return reaper.ok ? { ok: true, data: { ...pods.data, ...reaper.data } } : reaper;
  };
  return { found: await guarded(parent, 'operator', asked), all };
};
