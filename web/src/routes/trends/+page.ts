// A figure over time; the address says which, of how many streams, and what is filtered by.
import { api, ask, attempt } from '$lib/api/client';
import { numbered } from '$lib/explore/state';
import { filterFields, toQuery, type Filters } from '$lib/filters';
import { codec, number, oneOf } from '$lib/url-state';
import type { PageLoad } from './$types';

const trendFields = { ...filterFields, metric: oneOf(['tps', 'ttft', 'itl', 'latency', 'cost'], 'tps'), rate: number() };
export const _trends = codec(trendFields);
/** Lines of the chart: more can't be told apart. */
const LINES = 12;

export const load: PageLoad = async ({ fetch, url }) => {
  const state = _trends.decode(url.searchParams);
  const { metric, rate, ...filters } = state;
  const wanted = numbered(toQuery(filters as Filters));
  const client = api(fetch);
  const [trends, explored] = await Promise.all([
    ask(client.GET('/api/v1/trends', { params: { query: { ...wanted, metric, limit: LINES, ...(rate === null ? {} : { rate }) } } })),
    attempt(client.GET('/api/v1/explore', { params: { query: { ...wanted, limit: 1 } } })),
  ]);
  return { state, filters: filters as Filters, trends, facets: explored.ok ? (explored.data.facets ?? {}) : {} };
};
