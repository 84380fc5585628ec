// Pods that we have outside, and what the reaper last found.
import { api, attempt, type Outcome, type Schema } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { read, type PodRow } from '$lib/admin/wire';
import { codec, flag, href, text } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 50;
const filters = codec({ all: flag(), cursor: text() });

export interface Pods {
  pods: PodRow[];
  next: string | null;
  reaper: Schema<'Reaper'>['reaper'];
}

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:pods');
  const { all, cursor } = filters.decode(url.searchParams);
  const path = href('/api/v1/admin/pods', new URLSearchParams({ limit: String(PAGE), ...(all && { all: 'true' }), ...(cursor && { cursor }) }));
  const asked = async (): Promise<Outcome<Pods>> => {
    const [pods, reaper] = await Promise.all([read<Omit<Pods, 'reaper'>>(fetch, path), attempt(api(fetch).GET('/api/v1/admin/reaper'))]);
    if (!pods.ok) return pods;
    return reaper.ok ? { ok: true, data: { ...pods.data, reaper: reaper.data.reaper } } : reaper;
  };
  return { found: await guarded(parent, 'operator', asked), all };
};
