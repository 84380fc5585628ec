// Pages of the explorer: forward to the end, back by the browser and by the link, each in the URL, no run twice and none left out.
import { expect, test, type Page } from '@playwright/test';
import { rowsOf } from './steps';

const PAGE_ROWS = 25;
const pages = (page: Page) => page.getByRole('navigation', { name: 'Pages' });

/** The addresses of the runs that are listed. */
async function listed(page: Page): Promise<(string | null)[]> {
  const rows = await rowsOf(page).all();
  return Promise.all(rows.map((row) => row.locator('a[href^="/results/"]').first().getAttribute('href')));
}

test('runs are paged: every run once, each page with its own address, and Back leads back', async ({ page }) => {
  const answer = await page.request.get('/api/v1/explore?limit=1&facets=false');
  const { total } = (await answer.json()) as { total: number };
  expect(total, 'the seeded site has a second page').toBeGreaterThan(PAGE_ROWS);
  expect(total, 'and no third').toBeLessThanOrEqual(2 * PAGE_ROWS);

  await page.goto('/?sort=tps');
  await expect(rowsOf(page)).toHaveCount(PAGE_ROWS);
  await expect(page.getByRole('status').filter({ hasText: `${total} runs` })).toBeVisible();
  await expect(pages(page).getByRole('link', { name: 'First page' })).toHaveCount(0);
  const first = await listed(page);

  await pages(page).getByRole('link', { name: 'Next page' }).click();
  await expect(page).toHaveURL(/[?&]sort=tps&cursor=[^&]+$/);
  await expect(rowsOf(page)).toHaveCount(total - PAGE_ROWS);
  await expect(page.getByRole('status').filter({ hasText: `${total} runs` })).toBeVisible();
  await expect(pages(page).getByRole('link', { name: 'Next page' })).toHaveCount(0);
  const second = await listed(page);
  expect(new Set([...first, ...second]).size).toBe(total);
  const address = page.url();

  await page.goBack();
  await expect(page).toHaveURL('/?sort=tps');
  await expect(rowsOf(page)).toHaveCount(PAGE_ROWS);
  expect(await listed(page)).toEqual(first);

  await page.goto(address);
  await expect(rowsOf(page)).toHaveCount(total - PAGE_ROWS);
  expect(await listed(page)).toEqual(second);
  await pages(page).getByRole('link', { name: 'First page' }).click();
  await expect(page).toHaveURL('/?sort=tps');
  await expect(rowsOf(page)).toHaveCount(PAGE_ROWS);
});

test('another filter or order begins with its first page', async ({ page }) => {
  await page.goto('/');
  await pages(page).getByRole('link', { name: 'Next page' }).click();
  await expect(page).toHaveURL(/cursor=/);
  await page.getByRole('columnheader', { name: /^Throughput/ }).getByRole('link').click();
  await expect(page).toHaveURL('/?sort=tps');
  await expect(rowsOf(page)).toHaveCount(PAGE_ROWS);
});
