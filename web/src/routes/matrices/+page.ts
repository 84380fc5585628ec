// Matrices, newest first.
import { api, attempt } from '$lib/api/client';
import type { PageLoad } from './$types';

const PAGE = 30;

export const load: PageLoad = async ({ url, fetch, depends }) => {
  depends('app:matrices');
  const schedule = url.searchParams.get('schedule') ?? '';
  const cursor = url.searchParams.get('cursor') ?? '';
  const query = { limit: PAGE, ...(schedule === '' ? {} : { schedule }), ...(cursor === '' ? {} : { cursor }) };
  return { schedule, cursor, found: await attempt(api(fetch).GET('/api/v1/matrices', { params: { query } })) };
};
