// Today's prices, of what a GPU costs over time where one is chosen, and what they are worth in tokens of a model.
import { api, ask, attempt } from '$lib/api/client';
import { codec, flag, oneOf, text } from '$lib/url-state';
import { fastestByGpu, type Speed } from '$lib/prices/tokens';
import type { PageLoad } from './$types';

export const _prices = codec({
  gpu: text(),
  platform: text(),
  kind: oneOf(['on_demand', 'spot', 'all'], 'on_demand'),
  every: flag(),
  model: text(),
  days: oneOf(['7', '30', '90', '365'], '90'),
});
/** The fastest results of a model that are looked at. */
const RESULTS = 100;

export const load: PageLoad = async ({ fetch, url }) => {
  const state = _prices.decode(url.searchParams);
  const client = api(fetch);
  const gpu = state.gpu === '' ? {} : { gpu: state.gpu };
  const platform = state.platform === '' ? {} : { platform: state.platform };
  const kind = state.kind === 'all' ? {} : { kind: state.kind };
  const every = state.every ? { every: true } : {};
  const [prices, all, gpus, models] = await Promise.all([
    ask(client.GET('/api/v1/prices', { params: { query: { ...gpu, ...platform, ...kind, ...every } } })),
    // What there is to choose from doesn't depend on what is chosen.
    attempt(client.GET('/api/v1/prices')),
    attempt(client.GET('/api/v1/gpus')),
    attempt(client.GET('/api/v1/explore', { params: { query: { status: ['succeeded'], sort: 'tps', order: 'desc', limit: RESULTS } } })),
  ]);
  const names = models.ok ? (models.data.facets?.['model'] ?? []).map(({ value }) => value) : [];
  // One whose tokens have a price: something real answered, on a GPU.
  const priced = models.ok ? models.data.runs.find((run) => fastestByGpu([run]).size > 0)?.model : undefined;
  const model = state.model !== '' ? state.model : (priced ?? names[0]);
  const [history, results] = await Promise.all([
    state.gpu === '' ? null : attempt(client.GET('/api/v1/prices/history', { params: { query: { gpu: state.gpu, days: Number(state.days), ...platform, ...kind } } })),
    model === undefined
      ? null
      : attempt(client.GET('/api/v1/explore', { params: { query: { model: [model], sort: 'tps', order: 'desc', limit: RESULTS, facets: false } } })),
  ]);
  const speeds: Map<string, Speed> = results?.ok ? fastestByGpu(results.data.runs) : new Map();
  return { state, prices, history, speeds, model: model ?? null, models: names, all: all.ok ? all.data.prices : [], gpus: gpus.ok ? gpus.data.gpus : [] };
};
