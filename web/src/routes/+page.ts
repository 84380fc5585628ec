// The explorer's answers: a page of runs with facets, and the frontier of the same filters.
import { api, attempt } from '$lib/api/client';
import { explorer, numbered, rowsQuery } from '$lib/explore/state';
import { toQuery, filters as filterCodec } from '$lib/filters';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch }) => {
  const state = explorer.decode(url.searchParams);
  const filters = filterCodec.decode(url.searchParams);
  const query = toQuery(filters);
  const client = api(fetch);
  const [found, frontier] = await Promise.all([
    attempt(client.GET('/api/v1/explore', { params: { query: rowsQuery(state, query) } })),
    attempt(client.GET('/api/v1/frontier', { params: { query: { ...numbered(query), y: state.y, limit: 40 } } })),
  ]);
  return { state, filters, found, frontier };
};
