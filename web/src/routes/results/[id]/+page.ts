// A result with everything that is known of it: its run's report where it was measured here, the published columns where it was
// imported.
import { error, redirect } from '@sveltejs/kit';
import { api, ask, attempt, type Api, type Schema } from '$lib/api/client';
import { noAnswer, type Problem } from '$lib/api/problem';
import { inOrder, type Level } from '$lib/charts/levels';
import type { RunDetail } from '$lib/results/report';
import { levelOfMetrics, measuredLevels, publishedLevels } from '$lib/results/result';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, params }) => {
  const client = api(fetch);
  const { id } = params;
  const facts = await find(client, id);
  const people = facts.pod_id ? await community(client, facts.pod_id) : null;
  if (!facts.run) return { facts, people, report: null, levels: await imported(client, facts), everywhere: null };
  const [report, everywhere] = await Promise.all([
    ask(client.GET('/api/v1/runs/{id}', { params: { path: { id: facts.run } } })),
    // A run without a price, or on hardware that nobody rents out, has none: the page says so.
    attempt(client.GET('/api/v1/costs/everywhere', { params: { query: { run: facts.run } } })),
  ]);
  const detail = report as unknown as RunDetail;
  return { facts, people, report: detail, levels: measuredLevels(detail), everywhere };
};

/** The published result of this id, which may also be that of its run. */
async function find(client: Api, id: string): Promise<Schema<'ExploredRun'>> {
  const { runs } = await ask(client.GET('/api/v1/explore', { params: { query: { text: id, facets: false, limit: 20 } } }));
  const found = runs.find((run) => run.id === id || run.run === id);
  if (found) return found;
  const run = await attempt(client.GET('/api/v1/runs/{id}', { params: { path: { id } } }));
  const published = run.ok ? (run.data as unknown as RunDetail).pod_id : null;
  if (published && published !== id) redirect(307, `/results/${encodeURIComponent(published)}`);
  error(404, { message: 'There is no such result', problem: missing(id, run.ok) });
}

/** Comments and votes; a result is worth seeing without them. */
async function community(client: Api, podId: string) {
  const [comments, published] = await Promise.all([
    attempt(client.GET('/api/v1/results/{pod_id}/comments', { params: { path: { pod_id: podId } } })),
    // Runs without a throughput result have no votes there.
    attempt(client.GET('/benchmark_results', { params: { query: { pod_id: podId } } })),
  ]);
  return {
    podId,
    comments,
    upvotes: published.ok ? published.data.likes : 0,
    upvoted: published.ok && published.data.is_upvoted_by_user,
  };
}

function missing(id: string, isRun: boolean): Problem {
  return {
    ...noAnswer(),
    code: 'result_not_found',
    status: 404,
    title: 'There is no such result',
    detail: isRun
      ? `The run ${id} has published nothing yet. Results appear here when it ends; its steps are at /runs/${id}.`
      : `Nothing is published under ${id}. It may be mistyped, or not yet measured.`,
  };
}

async function imported(client: Api, facts: Schema<'ExploredRun'>): Promise<Level[]> {
  if (!facts.pod_id) return [];
  const query = { text: facts.id, format: 'csv' } as const;
  const csv = await ask(client.GET('/api/v1/results', { params: { query }, parseAs: 'text' }));
  const levels = publishedLevels(String(csv), facts.id).map(({ level }) => level);
  return levels.length > 0 ? inOrder(levels) : levelOfMetrics(facts.metrics);
}
