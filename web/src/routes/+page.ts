// The explorer's answers: a page of runs with facets, and the frontier of the same filters.
import { redirect } from '@sveltejs/kit';
import { api, attempt } from '$lib/api/client';
import { explorer, explorerHref, numbered, rowsQuery, withFilters } from '$lib/explore/state';
import { parse, toQuery, filters as filterCodec } from '$lib/filters';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch }) => {
  const state = explorer.decode(url.searchParams);
  // Filters as text, as the assistant's links have them: the same view has one address.
  const typed = url.searchParams.get('q');
  if (typed !== null) redirect(307, explorerHref(withFilters(state, parse(typed).filters)));
  const filters = filterCodec.decode(url.searchParams);
  const query = toQuery(filters);
  const client = api(fetch);
  // The first of these is under way already where the address is plain (web/pages.mjs). The chart may come later than the table.
  const rows = attempt(client.GET('/api/v1/explore', { params: { query: rowsQuery(state, query) } }));
  const frontier = attempt(client.GET('/api/v1/frontier', { params: { query: { ...numbered(query), y: state.y, limit: 40 } } }));
  return { state, filters, found: await rows, frontier };
};
