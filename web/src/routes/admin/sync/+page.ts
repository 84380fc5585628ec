// How far publishing to MongoDB is behind.
import { guarded } from '$lib/admin/guarded';
import { read, type SyncStatus } from '$lib/admin/wire';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:sync');
  return { found: await guarded(parent, 'operator', () => read<SyncStatus>(fetch, '/api/v1/admin/sync')) };
};
