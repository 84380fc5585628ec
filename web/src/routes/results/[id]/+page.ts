// A result with everything that is known of it: what is published of every run, and its run's report where it was measured here.
import { error, redirect } from '@sveltejs/kit';
import { api, ask, attempt, type Api, type Schema } from '$lib/api/client';
import { noAnswer, ProblemError, type Problem } from '$lib/api/problem';
import type { RunDetail } from '$lib/results/report';
import { measuredLevels, publishedLevels } from '$lib/results/result';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch, params }) => {
  const client = api(fetch);
  const { id } = params;
  const facts = await find(client, id);
  const people = facts.pod_id ? await community(client, facts.pod_id) : null;
  if (!facts.run) return { facts, people, report: null, levels: publishedLevels(facts), everywhere: null };
  const [report, everywhere] = await Promise.all([
    ask(client.GET('/api/v1/runs/{id}', { params: { path: { id: facts.run } } })),
    // A run without a price, or on hardware that nobody rents out, has none: the page says so.
    attempt(client.GET('/api/v1/costs/everywhere', { params: { query: { run: facts.run } } })),
  ]);
  const detail = report as unknown as RunDetail;
  return { facts, people, report: detail, levels: measuredLevels(detail), everywhere };
};

/** The published result of this id, which may also be that of its run. */
async function find(client: Api, id: string): Promise<Schema<'PublishedRun'>> {
  const found = await attempt(client.GET('/api/v1/results/{id}', { params: { path: { id } } }));
  if (found.ok && found.data.id !== id) redirect(307, `/results/${encodeURIComponent(found.data.id)}`);
  if (found.ok) return found.data;
  if (found.problem.status !== 404) throw new ProblemError(found.problem);
  const run = await attempt(client.GET('/api/v1/runs/{id}', { params: { path: { id } } }));
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
