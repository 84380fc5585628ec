// Runs as they go: found by filters, followed while they go on, steered by operators and by nobody else, started from the site.
import { expect, test } from '@playwright/test';
import { cancelRun, engineUrl, runIn, startRun } from './runs';
import { adminToken, rowsOf, signInWithToken } from './steps';

test('runs are found by state and by text, and the view is its URL', async ({ page }) => {
  await page.goto('/runs');
  await expect(rowsOf(page, 'Runs').first()).toBeVisible();
  await page.getByRole('navigation', { name: 'State' }).getByRole('link', { name: 'failed' }).click();
  await expect(page).toHaveURL('/runs?status=failed');
  for (const row of await rowsOf(page, 'Runs').all()) await expect(row).toContainText('failed');
  const box = page.getByLabel(/^Filter runs/);
  await expect(box).toHaveValue('state:failed');
  await box.fill('state:failed eng');
  await expect(page.getByRole('option', { name: /^engine:/ })).toBeVisible();
  await box.fill('state:failed engine:sg');
  await box.press('ArrowDown');
  await box.press('Enter');
  await expect(box).toHaveValue('state:failed engine:sglang ');
  await box.press('Enter');
  await expect(page).toHaveURL('/runs?status=failed&engine=sglang');
  await expect(page.getByRole('list', { name: 'Filters that hold' }).getByRole('link', { name: /, remove$/ })).toHaveCount(2);
  await page.goBack();
  await expect(box).toHaveValue('state:failed');
});

test('what is no filter is said, and nothing found is no empty page', async ({ page }) => {
  await page.goto('/runs?text=nothing-has-this-name');
  await expect(page.getByRole('heading', { name: 'No run passes these filters' })).toBeVisible();
  await page.getByLabel(/^Filter runs/).fill('state:broken');
  await expect(page.getByText('state:broken is none of pending, running')).toBeVisible();
});

test('a run that is started elsewhere appears by itself, and updates can be paused', async ({ page }) => {
  await page.goto('/runs');
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  const id = await startRun(page, 1);
  await expect(page.getByRole('table', { name: 'Runs' }).locator(`a[href="/runs/${id}"]`)).toBeVisible();
  await page.getByRole('button', { name: 'Pause updates' }).click();
  await expect(page.getByText('updates paused')).toBeVisible();
  await page.getByRole('button', { name: 'Go on updating' }).click();
  await expect(page.getByText('live', { exact: true })).toBeVisible();
});

test('a failed run says why, in its tries and its log', async ({ page }) => {
  const id = await runIn(page.request, 'failed');
  await page.goto(`/runs/${id}`);
  const standing = page.getByRole('region', { name: 'Where it stands' });
  await expect(standing).toContainText('engine_unreachable');
  await expect(page.getByRole('figure', { name: 'Steps and tries over time' })).toBeVisible();
  const failed = rowsOf(page, 'Tries of steps').filter({ hasText: 'failed' });
  await failed.getByRole('group').locator('summary').click();
  await expect(failed.getByRole('region', { name: /^Failure of provision/ })).toContainText('"retryable": false');
  await page.getByLabel('Least level').selectOption('error');
  await expect(page.getByRole('log')).toContainText('engine_unreachable');
  await expect(page.getByRole('log')).not.toContainText('step started');
});

test('whoever may not steer sees no buttons for it, and a page that is not for them says so', async ({ page }) => {
  await page.goto(`/runs/${await runIn(page.request, 'failed')}`);
  await expect(page.getByRole('region', { name: 'Where it stands' })).toBeVisible();
  await expect(page.getByRole('group', { name: 'What to do with it' })).toHaveCount(0);
  await page.goto('/runs/new');
  await expect(page.getByRole('heading', { name: 'Sign in first' })).toBeVisible();
});

test('a run is paused, resumed, given a priority and cancelled while it is watched', async ({ page }) => {
  await signInWithToken(page, '/runs');
  const id = await startRun(page, 30);
  await page.goto(`/runs/${id}`);
  const standing = page.getByRole('region', { name: 'Where it stands' });
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  await page.getByLabel('Priority').selectOption('8');
  await expect(page.getByText('Its priority is 8')).toBeVisible();
  await page.getByRole('button', { name: 'Pause run' }).click();
  await expect(standing).toContainText('paused');
  await page.getByRole('button', { name: 'Resume run' }).click();
  await expect(standing).not.toContainText('paused');
  await page.getByRole('button', { name: /^Cancel run/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
  await expect(standing).not.toContainText('cancel');
  await page.getByRole('button', { name: /^Cancel run/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await expect(standing).toContainText('cancelled', { timeout: 45_000 });
  await expect(page.getByText('over', { exact: true })).toBeVisible();
  await expect(page.getByRole('log')).toContainText('run finished');
});

test('a line that breaks is said, and taken up again by itself', async ({ page, context }) => {
  const id = await startRun(page, 30);
  await page.goto(`/runs/${id}`);
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText('disconnected', { exact: true })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Where it stands' })).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText('live', { exact: true })).toBeVisible({ timeout: 30_000 });
  await cancelRun(page, id);
});

test('a run is retried from a step that is chosen, after it was asked', async ({ page }) => {
  await signInWithToken(page, `/runs/${await runIn(page.request, 'failed')}`);
  await page.getByRole('button', { name: /^Retry/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Open this run again?' });
  await expect(dialog.getByLabel('From step').getByRole('option')).toContainText(['where it failed', 'provision']);
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await expect(page.getByRole('region', { name: 'Where it stands' })).toContainText('Generation');
  await expect(rowsOf(page, 'Tries of steps').filter({ hasText: 'generation 2' }).first()).toBeVisible({ timeout: 45_000 });
});

test('what the server can not use is said at its input', async ({ page }) => {
  await signInWithToken(page, '/runs/new?machine.provider=endpoint');
  await page.getByLabel(/^Model/).fill('truth');
  await page.getByLabel(/^GPU/).fill('no-such-gpu');
  await page.getByLabel(/^URL of the engine/).fill(await engineUrl(page.request));
  await page.getByRole('button', { name: 'Start the run' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByLabel(/^GPU/)).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel(/^Model/)).toHaveValue('truth');
});

test('a run that is not there is said, with what to do', async ({ page }) => {
  await page.goto('/runs/01a20f48-0000-7000-8000-000000000000');
  await expect(page.getByRole('alert')).toContainText('Check the address');
});

test('the cost meter shows what is spent of what a run may cost', async ({ page }) => {
  const id = await runIn(page.request, 'failed');
  const set = await page.request.post(`/api/v1/runs/${id}/budget?max_usd=12.5`, { headers: { authorization: `Bearer ${adminToken()}` } });
  expect(set.status()).toBe(200);
  await page.goto(`/runs/${id}`);
  const cost = page.getByRole('region', { name: 'Cost' });
  await expect(cost).toContainText('0 % of $12.50');
  await expect(cost.getByRole('meter', { name: 'Spent of what it may cost' })).toBeVisible();
});

test('what a bulk action will change is counted before it is confirmed', async ({ page }) => {
  await signInWithToken(page, '/runs?status=failed');
  const { runs } = await (await page.request.get('/api/v1/runs?status=failed&limit=100')).json();
  await page.getByLabel('Every run that passes:').selectOption('retry');
  await page.getByRole('button', { name: 'Do it …' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`This will retry ${runs.length} run`);
  await dialog.getByRole('button', { name: 'Keep' }).click();
  await page.getByLabel('Every run that passes:').selectOption('pause');
  await page.getByRole('button', { name: 'Do it …' }).click();
  await expect(page.getByText(/There is no run here to pause: run .* is failed/)).toBeVisible();
});
