// Queues and who works them.
import { api, ask, attempt, type Outcome, type Schema } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

export type Queues = Schema<'QueueList'> & Schema<'WorkerList'>;

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:queues');
  const client = api(fetch);
  const asked = async (): Promise<Outcome<Queues>> => {
    const queues = await attempt(client.GET('/api/v1/admin/queues'));
    if (!queues.ok) return queues;
    const workers = await ask(client.GET('/api/v1/admin/workers'));
    return { ok: true, data: { ...queues.data, ...workers } };
  };
  return { found: await guarded(parent, 'operator', asked) };
};
