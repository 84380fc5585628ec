// Runs, newest first, by the filters in the URL.
import { api, attempt } from '$lib/api/client';
import { runFilters, runQuery } from '$lib/runs/filters';
import type { PageLoad } from './$types';

const PAGE = 30;

export const load: PageLoad = async ({ url, fetch, depends }) => {
  depends('app:runs');
  const filters = runFilters.decode(url.searchParams);
  const cursor = url.searchParams.get('cursor') ?? '';
  const query = { ...runQuery(filters), limit: PAGE, ...(cursor === '' ? {} : { cursor }) };
  const found = await attempt(api(fetch).GET('/api/v1/runs', { params: { query } }));
  return { filters, cursor, found };
};
