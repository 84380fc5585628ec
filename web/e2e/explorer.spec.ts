// The explorer: facets, filters as text, chips, order, the frontier, failures, presets, and what is said when nothing is found.
import { expect, test } from '@playwright/test';
import { rowsOf } from './steps';

test('a facet narrows table and chart, is in the URL, and Back takes it away', async ({ page }) => {
  await page.goto('/');
  await expect(rowsOf(page).first()).toBeVisible();
  const all = await rowsOf(page).count();
  const facet = page.getByRole('complementary', { name: 'Filters' }).getByRole('checkbox', { name: /^SGLang/ });
  await facet.check();
  await expect(page).toHaveURL(/[?&]engine=SGLang/);
  await expect(page.getByRole('link', { name: /Engine SGLang.*remove/ })).toBeVisible();
  await expect(rowsOf(page)).not.toHaveCount(all);
  for (const row of await rowsOf(page).all()) await expect(row).toContainText('SGLang');
  await page.goBack();
  await expect(rowsOf(page)).toHaveCount(all);
  await expect(facet).not.toBeChecked();
});

test('filters are typed as text, proposed while typed, and become chips', async ({ page }) => {
  await page.goto('/');
  const box = page.getByRole('combobox', { name: /^Filter runs/ });
  await box.fill('eng');
  await expect(page.getByRole('option', { name: /^engine:/ })).toBeVisible();
  await box.fill('engine:vllm ttft:<100000 since:30d');
  await box.press('Enter');
  await expect(page).toHaveURL('/?engine=vllm&ttft_max=100000&since=30d');
  await expect(page.getByRole('list', { name: 'Filters that hold' }).getByRole('listitem')).toHaveCount(4);
  for (const row of await rowsOf(page).all()) await expect(row).toContainText(/vllm/i);
  await page.getByRole('link', { name: /TTFT ≤ 100000 ms.*remove/ }).click();
  await expect(page).toHaveURL('/?engine=vllm&since=30d');
  await expect(box).toHaveValue('engine:vllm since:30d');
});

test('a filter that does not exist is said, with those that do', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('combobox', { name: /^Filter runs/ }).fill('colour:red');
  await expect(page.getByText('colour: is no filter; there are model,')).toBeVisible();
});

test('a head sorts by its figure, and turns round', async ({ page }) => {
  await page.goto('/?status=succeeded&origin=measured');
  const head = page.getByRole('columnheader', { name: /^Throughput/ });
  await head.getByRole('link').click();
  await expect(page).toHaveURL(/sort=tps/);
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  const values = async () =>
    (await rowsOf(page).locator('[data-label^="Throughput"]').allInnerTexts()).map((text) => Number(text.split('\n')[0]!.replaceAll(',', '')));
  const down = await values();
  expect(down.length).toBeGreaterThan(3);
  expect(down).toEqual([...down].sort((a, b) => b - a));
  await head.getByRole('link').click();
  await expect(head).toHaveAttribute('aria-sort', 'ascending');
  await expect.poll(values).toEqual([...down].sort((a, b) => a - b));
});

test('a run that failed is there, with its code', async ({ page }) => {
  await page.goto('/?status=failed');
  await expect(rowsOf(page).first()).toContainText('failed');
  await expect(rowsOf(page).first().locator('code')).not.toBeEmpty();
});

test('imported and simulated runs are labelled', async ({ page }) => {
  await page.goto('/?origin=imported');
  for (const row of await rowsOf(page).all()) await expect(row).toContainText('imported');
  await page.goto('/?engine=truth');
  await expect(rowsOf(page).first()).toContainText('simulated engine');
});

test('the frontier is drawn for what is filtered', async ({ page }) => {
  await page.goto('/?engine=vllm');
  const chart = page.getByRole('heading', { name: /speed of a request against/i });
  await expect(chart).toBeVisible();
  await page.getByRole('group', { name: 'Upright axis of the chart' }).getByRole('link', { name: 'output tokens/s' }).click();
  await expect(page).toHaveURL(/y=output/);
  await expect(chart).toBeVisible();
});

test('six presets are each a URL', async ({ page }) => {
  await page.goto('/');
  const presets = page.getByRole('navigation', { name: 'Begin with' }).getByRole('link');
  await expect(presets).toHaveCount(6);
  await presets.filter({ hasText: 'What failed lately' }).click();
  await expect(page).toHaveURL('/?status=failed&since=30d');
  await expect(rowsOf(page).first()).toContainText('failed');
});

test('filters that nothing passes say so, and how to go on', async ({ page }) => {
  await page.goto('/?text=nothing-has-this-name');
  await expect(page.getByRole('heading', { name: 'No run passes these filters' })).toBeVisible();
  await page.getByRole('link', { name: 'Clear all filters' }).click();
  await expect(rowsOf(page).first()).toBeVisible();
});

test('a filter that the server refuses is explained where it was set', async ({ page }) => {
  await page.goto('/?since=yesterday');
  await expect(page.getByRole('alert')).toContainText('since');
  await expect(page.getByRole('combobox', { name: /^Filter runs/ })).toHaveValue('since:yesterday');
});

test('a server that is away is told from one that refuses, and asked again', async ({ page }) => {
  await page.route('**/api/v1/explore?**', (route) => route.abort());
  await page.goto('/');
  await expect(page.getByRole('alert')).toContainText('The server did not answer');
  await page.unroute('**/api/v1/explore?**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(rowsOf(page).first()).toBeVisible();
});

test('a link of the assistant, with filters as text, opens the same view', async ({ page }) => {
  await page.goto('/?q=engine%3Avllm+since%3A30d');
  await expect(page).toHaveURL('/?engine=vllm&since=30d');
});
