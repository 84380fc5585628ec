// A chart without a mouse: its points by arrow keys, its table, its series, and its settings in the address.
import { expect, test } from '@playwright/test';
import { chart, runOf } from './charts';

test('arrow keys walk through the points, and each is said', async ({ page }) => {
  const { id } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  const figure = chart(page, 'Time to first token against concurrency');
  await figure.getByRole('application').focus();
  const said = figure.locator('[aria-live=polite]');
  await page.keyboard.press('ArrowRight');
  await expect(said).toContainText(/Concurrent streams 1, Time to first token .+ ms \(95 % CI .+ to .+, n \d+\)/);
  await page.keyboard.press('ArrowRight');
  await expect(said).toContainText('Concurrent streams 2');
  await page.keyboard.press('End');
  await expect(said).toContainText('Concurrent streams 9');
  await page.keyboard.press('ArrowRight');
  await expect(said).toContainText('Concurrent streams 9');
  await page.keyboard.press('Escape');
  await expect(said).toHaveText('');
});

test('up and down change the series', async ({ page }) => {
  await page.goto('/models/simulated-8b');
  const figure = chart(page, /speed of a request against throughput/);
  await figure.getByRole('application').focus();
  const said = figure.locator('[aria-live=polite]');
  await page.keyboard.press('Home');
  const first = (await said.innerText()).split(':')[0];
  await page.keyboard.press('ArrowDown');
  await expect(said).not.toContainText(`${first}:`);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/results\//);
});

test('the table has the same rows, sorts both ways, and its being open is in the address', async ({ page, context }) => {
  const { id } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  const figure = chart(page, 'Output throughput against concurrency');
  await expect(figure.getByRole('img')).toBeVisible();
  const points = await figure.locator('svg[data-plot] path.marker').count();
  await figure.getByRole('button', { name: 'Table' }).press('Enter');
  await expect(page).toHaveURL(/chart\.concurrency-tps=table/);
  const shared = await context.newPage();
  await shared.goto(page.url());
  const rows = chart(shared, 'Output throughput against concurrency').getByRole('row');
  // The head, each point, and the throughput benchmark, which has no number of streams.
  await expect(rows).toHaveCount(1 + points + 1);
  const values = async () => {
    const texts = await rows.locator('td:nth-of-type(2)').allInnerTexts();
    return texts.map((text) => Number(/^[\d,.]+/.exec(text)?.[0].replaceAll(',', '')));
  };
  const column = chart(shared, 'Output throughput against concurrency').getByRole('columnheader', { name: /Output throughput/ });
  await column.getByRole('button').press('Enter');
  await expect(column).toHaveAttribute('aria-sort', 'descending');
  const falling = await values();
  expect(falling).toEqual([...falling].sort((a, b) => b - a));
  await column.getByRole('button').press('Enter');
  await expect(column).toHaveAttribute('aria-sort', 'ascending');
  const rising = await values();
  expect(rising).toEqual([...rising].sort((a, b) => a - b));
  expect(rising[0]).toBeLessThan(rising.at(-1) ?? 0);
});

test('a series that is switched off is gone from the drawing and from the scale, and the address says so', async ({ page }) => {
  await page.goto('/models/simulated-8b');
  const figure = chart(page, /speed of a request against throughput/);
  const markers = figure.locator('svg[data-plot] path.marker');
  await expect(markers.first()).toBeVisible();
  const all = await markers.count();
  const button = figure.getByRole('list', { name: 'Series' }).getByRole('button').first();
  await button.click();
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(() => markers.count()).toBeLessThan(all);
  await expect(page).toHaveURL(/chart\.frontier=/);
  await page.reload();
  await expect.poll(() => markers.count()).toBeLessThan(all);
  await expect(markers.first()).toBeVisible();
});

test('a log axis can be had, and says that it is one', async ({ page }) => {
  await page.goto('/models/simulated-8b');
  const figure = chart(page, /speed of a request against throughput/);
  await figure.getByRole('button', { name: 'Log scale' }).click();
  await expect(figure.locator('text.axis-title', { hasText: 'log scale' })).toBeVisible();
  await expect(page).toHaveURL(/chart\.frontier=log/);
});
