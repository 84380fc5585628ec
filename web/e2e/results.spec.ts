// A result's page: figures with n and interval, every level, and the way back to each request; failed and imported ones, too.
import { expect, test } from '@playwright/test';
import { chart, runOf } from './charts';
import { rowsOf } from './steps';

test('a measured result shows its figures as the API has them, each with n and interval', async ({ page }) => {
  const { id, run } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  const report = await (await page.request.get(`/api/v1/runs/${run}`)).json();
  const throughput = report.results.find((one: { rate: number | null }) => one.rate === null);
  await page.goto(`/results/${id}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(report.spec.model.common_name);
  const tile = page.getByRole('listitem').filter({ hasText: 'Output throughput' });
  await expect(tile).toContainText(Math.round(throughput.measured.output_tokens_per_second).toLocaleString('en'));
  await expect(tile).toContainText(/95 % CI .+–.+n 20 batches/);
  const rows = rowsOf(page, 'Figures of every level');
  await expect(rows).toHaveCount(report.results.length);
  await expect(rows.last()).toContainText(`${throughput.measured.successful_requests} of ${throughput.measured.total_requests}`);
});

test('load, gaps, set-up, hardware, cost and the instrument have a section each, and say why something is not there', async ({ page }) => {
  const { id } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  for (const title of ['Output throughput', 'Time to first token', 'Inter-token latency', 'Request latency', 'Request rate']) {
    await expect(chart(page, `${title} against concurrency`).getByRole('img')).toBeVisible();
  }
  await expect(chart(page, /^Gaps between tokens/)).toContainText(/n [\d,]+ gaps/);
  await expect(chart(page, /^Set-up/).getByRole('img', { name: /Warm-up/ })).toBeVisible();
  await expect(page.getByText(/MBU and MFU: not available, since/)).toBeVisible();
  await expect(page.getByText(/Nothing was billed/)).toBeVisible();
  await expect(rowsOf(page, 'What the client measured of itself at each level').first()).toContainText('1 stream');
  await expect(page.getByText('simulated engine').first()).toBeVisible();
});

test('the level whose gaps are shown is in the address', async ({ page }) => {
  const { id } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  await page.getByRole('combobox', { name: 'Level' }).selectOption('4 streams');
  await expect(page).toHaveURL(/gaps=4/);
  await page.reload();
  await expect(chart(page, 'Gaps between tokens, 4 streams')).toBeVisible();
});

test('every number leads to its records, and the command that measures it again can be copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const { id, run } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: '4 streams: raw records as CSV' }).click(),
  ]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toContain('intended_start_us');
  await page.getByRole('listitem').filter({ hasText: 'Measure it again' }).getByRole('button', { name: /Copy/ }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`dria-bench run --like ${run}`);
  await expect(page.getByRole('link', { name: 'its run' })).toHaveAttribute('href', `/runs/${run}`);
});

test('a run that failed has its page, with the code and no figures', async ({ page }) => {
  const { id, failure_code } = await runOf(page, 'status=failed');
  await page.goto(`/results/${id}`);
  await expect(page.getByRole('heading', { name: /^The run failed/ })).toContainText(failure_code ?? '');
  await expect(page.getByRole('heading', { name: 'No benchmark was finished' })).toBeVisible();
});

test('an imported result says that nothing is known of its spread, and has no records', async ({ page }) => {
  const { id, metrics } = await runOf(page, 'origin=imported');
  await page.goto(`/results/${id}`);
  const tile = page.getByRole('listitem').filter({ hasText: 'Output throughput' });
  await expect(tile).toContainText(Math.round(metrics['tps']?.value ?? 0).toLocaleString('en'));
  await expect(tile).toContainText('no interval known');
  await expect(page.getByText('imported').first()).toBeVisible();
  await expect(page.getByText(/Its records aren’t here/)).toBeVisible();
});

test('an id that nothing is published under says so', async ({ page }) => {
  await page.goto('/results/nothing-has-this-id');
  await expect(page.getByRole('heading', { name: 'There is no such result' })).toBeVisible();
  await expect(page.getByText('result_not_found')).toBeVisible();
});
