// Tokens of the API, without their secrets.
import { guarded } from '$lib/admin/guarded';
import { read, type TokenRow } from '$lib/admin/wire';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, parent, depends }) => {
  depends('app:tokens');
  return { found: await guarded(parent, 'admin', () => read<{ tokens: TokenRow[] }>(fetch, '/api/v1/admin/tokens')) };
};
