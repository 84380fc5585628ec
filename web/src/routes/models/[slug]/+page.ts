// A model: what the catalog knows of it, where it fits, and everything that was measured of it.
import { error } from '@sveltejs/kit';
import { api, ask, attempt } from '$lib/api/client';
import { noAnswer } from '$lib/api/problem';
import { bySlug } from '$lib/catalog/slug';
import type { PageLoad } from './$types';

/** Results in the table, the fastest first. */
const RESULTS = 50;

export const load: PageLoad = async ({ fetch, params }) => {
  const client = api(fetch);
  const [{ models }, { facets }] = await Promise.all([
    ask(client.GET('/api/v1/models')),
    ask(client.GET('/api/v1/explore', { params: { query: { limit: 1 } } })),
  ]);
  const known = bySlug(models, params.slug, (model) => [model.common_name, model.hf_id, model.ollama_tag]);
  // What was measured or imported need not be in the catalog.
  const measured = bySlug(facets?.['model'] ?? [], params.slug, ({ value }) => [value])?.value;
  const name = measured ?? known?.common_name;
  if (name === undefined) {
    const detail = `Neither the catalog nor any result has a model called ${params.slug}.`;
    error(404, { message: 'There is no such model', problem: { ...noAnswer(), code: 'model_not_found', status: 404, title: 'There is no such model', detail } });
  }
  const model = [name];
  const [found, frontier, fits] = await Promise.all([
    ask(client.GET('/api/v1/explore', { params: { query: { model, sort: 'tps', order: 'desc', limit: RESULTS, facets: false } } })),
    ask(client.GET('/api/v1/frontier', { params: { query: { model, limit: 20 } } })),
    known ? attempt(client.GET('/api/v1/fits', { params: { query: { model: known.common_name } } })) : null,
  ]);
  return { name, known: known ?? null, found, frontier, fits: fits?.ok ? fits.data : null };
};
