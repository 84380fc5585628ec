// Steps in charts that several specs take.
import { expect, type Locator, type Page } from '@playwright/test';

interface Run {
  id: string;
  run: string | null;
  pod_id: string | null;
  model: string;
  gpu: string;
  gpu_count: number;
  failure_code: string | null;
  metrics: Record<string, { value: number }>;
}

/** Runs that the API finds. */
export async function runsOf(page: Page, query: string): Promise<Run[]> {
  const answer = await page.request.get(`/api/v1/explore?facets=false&limit=50&${query}`);
  expect(answer.ok()).toBe(true);
  return ((await answer.json()) as { runs: Run[] }).runs;
}

/** The first that it finds. */
export async function runOf(page: Page, query: string): Promise<Run> {
  const [run] = await runsOf(page, query);
  if (run === undefined) throw new Error(`the seeded site has no run with ${query}`);
  return run;
}

/** A chart by its title. */
export function chart(page: Page, title: string | RegExp): Locator {
  return page.getByRole('figure', { name: title });
}

/** What a chart gives to keep, by its export menu. */
export async function exported(page: Page, of: Locator, as: 'CSV' | 'JSON' | 'SVG' | 'PNG'): Promise<{ name: string; content: Buffer }> {
  await of.locator('summary').click();
  const [download] = await Promise.all([page.waitForEvent('download'), of.getByRole('button', { name: as, exact: true }).click()]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  return { name: download.suggestedFilename(), content: Buffer.concat(chunks) };
}
