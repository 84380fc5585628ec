// A run from its start to its end, all in the site, over a server that is killed in the middle: what was shown stays, the site
// says that it is cut off, comes back by itself, and the run goes on where it was. It has a site of its own to kill.
import { expect, test } from '@playwright/test';
import { startSite } from './site/site.mjs';
import { rowsOf } from './steps';

test('a run that is started in the site survives the death of its server and is watched to its end', async ({ page }) => {
  test.setTimeout(300_000);
  const site = await startSite({ binary: process.env.DRIA_BENCH_E2E_BINARY, empty: true });
  try {
    await page.goto(`${site.url}/sign-in?return_to=%2Fruns%2Fnew`);
    await page.getByLabel('Token', { exact: true }).fill(site.adminToken);
    await page.getByRole('button', { name: 'Sign in with the token' }).click();

    await page.getByLabel(/^Engine/).selectOption('truth');
    await page.getByLabel(/^Model/).fill('truth');
    await page.getByLabel('Where').selectOption('endpoint');
    await page.getByLabel(/^GPU/).fill('NVIDIA H100 80GB HBM3');
    await page.getByLabel(/^URL of the engine/).fill(site.engines.fast);
    await page.getByLabel('Streams').fill('1-2');
    await page.getByLabel('Seconds a level').fill('8');
    await page.getByLabel('Prompt, tokens').fill('20');
    await page.getByLabel('Output, tokens').fill('20');
    await page.getByRole('button', { name: 'Start the run' }).click();
    await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);

    const standing = page.getByRole('region', { name: 'Where it stands' });
    await expect(page.getByText('live', { exact: true })).toBeVisible();
    await expect(standing).toContainText('at throughput', { timeout: 60_000 });
    await page.getByRole('button', { name: 'Pause run' }).click();
    await expect(standing).toContainText('paused');

    await site.kill();
    await expect(page.getByText('disconnected', { exact: true })).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole('figure', { name: 'Steps and tries over time' })).toBeVisible();

    await site.restart();
    await expect(page.getByText('live', { exact: true })).toBeVisible({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Resume run' }).click();
    await expect(standing).toContainText('succeeded', { timeout: 180_000 });

    const gantt = page.getByRole('figure', { name: 'Steps and tries over time' });
    await expect(gantt.getByText('throughput ✓')).toBeVisible();
    await expect(gantt.getByText('concurrency:2 ✓')).toBeVisible();
    await expect(gantt.getByText('teardown ✓')).toBeVisible();
    await expect(rowsOf(page, 'Tries of steps').filter({ hasText: 'teardown' })).toContainText('done');
    await page.getByRole('link', { name: 'Its results' }).click();
    await expect(page).toHaveURL(/\/results\//);
  } finally {
    await site.stop();
  }
});
