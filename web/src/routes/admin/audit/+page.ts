// Who changed what, the newest first.
import { guarded } from '$lib/admin/guarded';
import { read, type AuditEntry } from '$lib/admin/wire';
import { href } from '$lib/url-state';
import type { PageLoad } from './$types';

const PAGE = 50;

export interface Audit {
  entries: AuditEntry[];
  next: string | null;
}

export const load: PageLoad = async ({ url, fetch, parent, depends }) => {
  depends('app:audit');
  const cursor = url.searchParams.get('cursor') ?? '';
  const query = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) });
  return { found: await guarded(parent, 'operator', () => read<Audit>(fetch, href('/api/v1/admin/audit', query))) };
};
