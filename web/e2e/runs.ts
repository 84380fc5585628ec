// Runs that specs start through the API, on an engine of known timing that the seeded site has.
import { expect, type APIRequestContext, type Page } from '@playwright/test';
import { adminToken } from './steps';

const headers = () => ({ authorization: `Bearer ${adminToken()}` });

interface Spec {
  machine: { url: string; gpu_id: string };
}

/** The newest run in this state. */
export async function runIn(request: APIRequestContext, status: string): Promise<string> {
  const answer = await request.get(`/api/v1/runs?status=${status}&limit=1&provider=endpoint`, { headers: headers() });
  const { runs } = (await answer.json()) as { runs: { id: string }[] };
  expect(runs.length, `the seeded site has a run that is ${status}`).toBe(1);
  return runs[0]!.id;
}

/** Where an engine of known timing listens. */
export async function engineUrl(request: APIRequestContext): Promise<string> {
  const answer = await request.get(`/api/v1/runs/${await runIn(request, 'succeeded')}`, { headers: headers() });
  return ((await answer.json()) as { spec: Spec }).spec.machine.url;
}

/** Starts a run whose levels last so long, s. */
export async function startRun(page: Page, seconds: number): Promise<string> {
  const data = {
    engine: { kind: 'truth' },
    model: { id: 'truth' },
    machine: { provider: 'endpoint', gpu_id: 'NVIDIA H100 80GB HBM3', url: await engineUrl(page.request) },
    load: { rates: [1], seconds, prompt_tokens: 20, output_tokens: 20 },
  };
  const answer = await page.request.post('/api/v1/runs', { headers: headers(), data });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { run: string }).run;
}

/** Ends what a spec started, so that it holds up no other. */
export async function cancelRun(page: Page, id: string): Promise<void> {
  await page.request.post(`/api/v1/runs/${id}/cancel`, { headers: headers() });
}

/** The newest matrix. */
export async function matrix(request: APIRequestContext): Promise<string> {
  const answer = await request.get('/api/v1/matrices?limit=1');
  return ((await answer.json()) as { matrices: { matrix: string }[] }).matrices[0]!.matrix;
}
