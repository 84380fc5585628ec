// What somebody who administers looks at first: queues, workers, what failed for good, what the reaper found.
import { api, ask, attempt, type Outcome, type Schema } from '$lib/api/client';
import { guarded } from '$lib/admin/guarded';
import type { PageLoad } from './$types';

export interface Overview {
  queues: Schema<'QueueList'>['queues'];
  workers: Schema<'WorkerList'>['workers'];
  dead: Schema<'DeadLetterList'>['dead_letters'];
  reaper: Schema<'Reaper'>['reaper'];
}

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:admin');
  const client = api(fetch);
  const asked = async (): Promise<Outcome<Overview>> => {
    const queues = await attempt(client.GET('/api/v1/admin/queues'));
    if (!queues.ok) return queues;
    const [workers, dead, reaper] = await Promise.all([
      ask(client.GET('/api/v1/admin/workers')),
      ask(client.GET('/api/v1/admin/dead-letters', { params: { query: { limit: 5 } } })),
      ask(client.GET('/api/v1/admin/reaper')),
    ]);
    return { ok: true, data: { queues: queues.data.queues, workers: workers.workers, dead: dead.dead_letters, reaper: reaper.reaper } };
  };
  return { found: await guarded(parent, 'operator', asked) };
};
