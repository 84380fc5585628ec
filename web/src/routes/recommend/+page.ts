// The ranking for what the URL wishes, what fits, and the models of the catalog to choose from.
import { api, ask, attempt } from '$lib/api/client';
import { isAsked, wishes, wishQuery } from '$lib/recommend/state';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, fetch }) => {
  const wish = wishes.decode(url.searchParams);
  const client = api(fetch);
  const [{ models }, { gpus }, found] = await Promise.all([
    ask(client.GET('/api/v1/models')),
    ask(client.GET('/api/v1/gpus')),
    isAsked(wish) ? attempt(client.GET('/api/v1/recommendations', { params: { query: wishQuery(wish) } })) : null,
  ]);
  return { wish, models, gpus, found };
};
