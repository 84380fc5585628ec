// The answer of a comparison; none is asked for before there are two runs.
import { api, ask } from '$lib/api/client';
import { comparisonOf, FEWEST } from '$lib/compare/state';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch }) => {
  const comparison = comparisonOf(url.searchParams);
  if (comparison.r.length < FEWEST) return { comparison, compared: null };
  const query = { run: comparison.r, baseline: comparison.base };
  return { comparison, compared: await ask(api(fetch).GET('/api/v1/compare', { params: { query } })) };
};
