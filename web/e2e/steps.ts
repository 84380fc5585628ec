// Steps that several specs take, in words of the site. They go the way that people go.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** The token of role admin that the site under test was seeded with. */
export function adminToken(): string {
  const token = process.env.DRIA_BENCH_ADMIN_TOKEN;
  if (token === undefined || token === '') throw new Error('DRIA_BENCH_ADMIN_TOKEN is not set: the global set-up sets it');
  return token;
}

/** Signs in with a token, and comes back to a page. */
export async function signInWithToken(page: Page, back = '/'): Promise<void> {
  await page.goto(`/sign-in?return_to=${encodeURIComponent(back)}`);
  await page.getByLabel('Token', { exact: true }).fill(adminToken());
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await expect(page.getByRole('banner').getByRole('link', { name: /admin$/ })).toBeVisible();
}

/** Signs in with the fake GitHub as one of its accounts, and comes back to a page. */
export async function signInAs(page: Page, login: 'ada' | 'grace' | 'linus' | 'margaret', back = '/'): Promise<void> {
  await page.goto(`/sign-in?return_to=${encodeURIComponent(back)}`);
  await page.getByRole('link', { name: 'Sign in with GitHub' }).click();
  await page.getByRole('link', { name: `Continue as ${login}` }).click();
  await expect(page.getByRole('banner').getByRole('link', { name: login })).toBeVisible();
}

/** Ids of runs of one model that succeeded here, the newest first. */
export async function measuredRuns(page: Page, many: number): Promise<string[]> {
  const answer = await page.request.get('/api/v1/explore?status=succeeded&origin=measured&model=Simulated%208B&limit=50&facets=false');
  const { runs } = (await answer.json()) as { runs: { id: string }[] };
  expect(runs.length).toBeGreaterThanOrEqual(many);
  return runs.slice(0, many).map(({ id }) => id);
}

/** The rows of the table of runs, without its head. */
export function rowsOf(page: Page, table = 'Runs with their figures at full load') {
  return page.getByRole('table', { name: table }).getByRole('rowgroup').last().getByRole('row');
}

/** Axe brings its own, equal declarations of Playwright. */
type AxePage = ConstructorParameters<typeof AxeBuilder>[0]['page'];

/** Fails on what axe calls serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page: page as unknown as AxePage }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 4).join(', ')}`)).toEqual([]);
}

/** Fails where a page is wider than the window. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, 'pixels that the page is too wide').toBe(0);
}
