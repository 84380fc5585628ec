// A GPU: what the catalog knows of it, what it costs today and did before, and what was measured on it.
import { error } from '@sveltejs/kit';
import { api, ask, attempt } from '$lib/api/client';
import { noAnswer } from '$lib/api/problem';
import { bySlug } from '$lib/catalog/slug';
import { fastestByGpu } from '$lib/prices/tokens';
import type { PageLoad } from './$types';

const RESULTS = 50;
const DAYS = 90;

export const load: PageLoad = async ({ fetch, params }) => {
  const client = api(fetch);
  const [{ gpus }, { facets }] = await Promise.all([
    ask(client.GET('/api/v1/gpus')),
    ask(client.GET('/api/v1/explore', { params: { query: { limit: 1 } } })),
  ]);
  // SXM, PCIe and NVL are GPUs of their own; other spellings of one id lead to it.
  const named = bySlug(gpus, params.sku, (gpu) => [gpu.id]) ?? bySlug(gpus, params.sku, (gpu) => [gpu.display_name]);
  const known = named?.alias_of ? (gpus.find(({ id }) => id === named.alias_of) ?? named) : named;
  const measured = bySlug(facets?.['gpu'] ?? [], params.sku, ({ value }) => [value])?.value;
  const id = known?.id ?? measured;
  if (id === undefined) {
    const detail = `Neither the catalog nor any result has a GPU called ${params.sku}.`;
    error(404, { message: 'There is no such GPU', problem: { ...noAnswer(), code: 'gpu_not_found', status: 404, title: 'There is no such GPU', detail } });
  }
  const gpu = [id];
  const [found, frontier, prices, history] = await Promise.all([
    ask(client.GET('/api/v1/explore', { params: { query: { gpu, sort: 'tps', order: 'desc', limit: RESULTS, facets: false } } })),
    ask(client.GET('/api/v1/frontier', { params: { query: { gpu, limit: 20 } } })),
    known ? attempt(client.GET('/api/v1/prices', { params: { query: { gpu: id } } })) : null,
    known ? attempt(client.GET('/api/v1/prices/history', { params: { query: { gpu: id, days: DAYS } } })) : null,
  ]);
  // The model of the fastest result that something real answered stands for what an hour is worth in tokens.
  const model = found.runs.find((run) => fastestByGpu([run]).size > 0)?.model ?? null;
  const speeds = fastestByGpu(found.runs.filter((run) => run.model === model));
  return {
    id, known: known ?? null, found, frontier, model, speeds,
    prices: prices?.ok ? prices.data : null,
    history: history?.ok && history.data.history.length > 0 ? history.data : null,
  };
};
