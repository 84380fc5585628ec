// A run with its steps, tries, pods and every event until now.
import { api, ask, attempt, type Api } from '$lib/api/client';
import { merged } from '$lib/runs/events';
import type { RunDetail } from '$lib/results/report';
import type { PageLoad } from './$types';

/** Pages of 200 events that are read at most: no run that is any good has more. */
const MOST_PAGES = 25;

export const load: PageLoad = async ({ params, fetch, depends }) => {
  depends('app:run');
  const client = api(fetch);
  const found = await attempt(client.GET('/api/v1/runs/{id}', { params: { path: { id: params.id } } }));
  if (!found.ok) return { id: params.id, found };
  const run = found.data as unknown as RunDetail;
  const whole = { ...run, events: await every(client, run) } as RunDetail;
  return { id: params.id, found: { ok: true as const, data: whole } };
};

async function every(client: Api, run: RunDetail): Promise<RunDetail['events']> {
  let [events, next] = [run.events, run.next_events ?? null];
  for (let page = 1; next !== null && page < MOST_PAGES; page += 1) {
    const more = await ask(client.GET('/api/v1/runs/{id}', { params: { path: { id: run.run }, query: { events_after: next } } }));
    events = merged(events, more.events);
    next = more.next_events ?? null;
  }
  return events;
}
