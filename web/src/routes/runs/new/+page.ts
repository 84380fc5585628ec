// Names that the form proposes, and what a link has filled in already.
import { api, attempt } from '$lib/api/client';
import { newRun } from '$lib/runs/new-run';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch, parent }) => {
  await parent();
  const form = newRun.decode(url.searchParams);
  if (!session.may('operator')) return { form, models: [], gpus: [] };
  const client = api(fetch);
  const [models, gpus] = await Promise.all([attempt(client.GET('/api/v1/models')), attempt(client.GET('/api/v1/gpus'))]);
  return {
    form,
    models: models.ok ? models.data.models.map(({ common_name }) => common_name) : [],
    gpus: gpus.ok ? gpus.data.gpus.filter(({ alias_of }) => !alias_of).map(({ id }) => id) : [],
  };
};
