// Pods that we have outside, and what the reaper last found.
import { api, attempt, type Outcome, type Schema } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import { read, type PodRow } from '$lib/admin/wire';
import type { PageLoad } from './$types';

export interface Pods {
  pods: PodRow[];
  reaper: Schema<'Reaper'>['reaper'];
}

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:pods');
  const asked = async (): Promise<Outcome<Pods>> => {
    const [pods, reaper] = await Promise.all([read<{ pods: PodRow[] }>(fetch, '/api/v1/admin/pods'), attempt(api(fetch).GET('/api/v1/admin/reaper'))]);
    if (!pods.ok) return pods;
    return reaper.ok ? { ok: true, data: { pods: pods.data.pods, reaper: reaper.data.reaper } } : reaper;
  };
  return { found: await guarded(parent, 'operator', asked) };
};
