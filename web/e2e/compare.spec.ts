// Comparing runs: picked in the explorer, a baseline that can be changed, differences in words, and whether they are fair.
import { expect, test } from '@playwright/test';
import { measuredRuns, rowsOf } from './steps';

const TABLE = 'Figures side by side';

test('runs that are picked in the explorer stand side by side', async ({ page }) => {
  await page.goto('/?model=Simulated+8B&status=succeeded');
  await rowsOf(page).nth(0).getByRole('checkbox').check();
  await expect(page.getByText('1 of 6 picked, pick another')).toBeVisible();
  await rowsOf(page).nth(1).getByRole('checkbox').check();
  await page.getByRole('region', { name: 'Picked to compare' }).getByRole('link', { name: 'Compare' }).click();
  await expect(page).toHaveURL(/\/compare\?r=.+&r=.+/);
  await expect(rowsOf(page, TABLE).first()).toContainText('Output throughput');
  await expect(rowsOf(page, TABLE).first()).toContainText('baseline');
});

test('a seventh run can not be picked', async ({ page }) => {
  const ids = await measuredRuns(page, 6);
  await page.goto(`/?status=succeeded&${new URLSearchParams(ids.map((id) => ['pick', id]))}`);
  await expect(page.getByText('6 of 6 picked')).toBeVisible();
  const others = rowsOf(page).getByRole('checkbox', { checked: false });
  await expect(others.first()).toBeDisabled();
});

test('the baseline is in the URL, and differences turn round with it', async ({ page }) => {
  const [a, b] = await measuredRuns(page, 2);
  await page.goto(`/compare?r=${a}&r=${b}`);
  const verdicts = rowsOf(page, TABLE).nth(1);
  const before = await verdicts.innerText();
  await page.getByRole('link', { name: 'Make baseline' }).click();
  await expect(page).toHaveURL(`/compare?r=${a}&r=${b}&base=${b}`);
  await expect(verdicts).not.toHaveText(before);
  await expect(page.getByRole('listitem').filter({ has: page.getByText('Baseline', { exact: true }) })).toHaveCount(1);
});

test('every difference says in words whether it is more than chance', async ({ page }) => {
  const [a, b] = await measuredRuns(page, 2);
  await page.goto(`/compare?r=${a}&r=${b}`);
  await expect(rowsOf(page, TABLE).filter({ hasText: 'Time to first token' })).toContainText(/(more than chance|chance alone may do this): p [=<] [\d.]+ \(.*, n [\d,]+ and [\d,]+\)/);
  await expect(page.getByText('Mann–Whitney').first()).toBeVisible();
});

test('a level has its own address', async ({ page }) => {
  const [a, b] = await measuredRuns(page, 2);
  await page.goto(`/compare?r=${a}&r=${b}`);
  await expect(page.getByRole('heading', { name: 'At full load' })).toBeVisible();
  await page.getByRole('navigation', { name: 'Level' }).getByRole('link', { name: '1 stream' }).click();
  await expect(page).toHaveURL(/level=1$/);
  await expect(page.getByRole('heading', { name: 'At 1 stream' })).toBeVisible();
});

test('runs that do not compare fairly carry a banner with what differs', async ({ page }) => {
  const answer = await page.request.get('/api/v1/explore?status=succeeded&origin=measured&limit=50&facets=false');
  const { runs } = (await answer.json()) as { runs: { id: string; model: string }[] };
  const a = runs[0]!;
  const b = runs.find(({ model }) => model !== a.model)!;
  await page.goto(`/compare?r=${a.id}&r=${b.id}`);
  const banner = page.getByRole('note', { name: /not compare fairly/ });
  await expect(banner).toBeVisible();
  await expect(banner.getByRole('term').filter({ hasText: 'Model' })).toBeVisible();
});

test('where nobody knows whether runs compare fairly, a banner says so and why', async ({ page }) => {
  const answer = await page.request.get('/api/v1/explore?origin=imported&model=Simulated-1B&gpu=NVIDIA+L4&limit=50&facets=false');
  const { runs } = (await answer.json()) as { runs: { id: string; engine: string }[] };
  const [a, b] = runs;
  await page.goto(`/compare?r=${a!.id}&r=${b!.id}`);
  const banner = page.getByRole('note', { name: 'Whether these runs compare fairly is not known' });
  await expect(banner).toContainText(b!.engine);
  await expect(banner).toContainText("context, slots, prefix cache and prompts aren't recorded");
  await expect(page.getByRole('note', { name: /not compare fairly/ })).toHaveCount(0);
  await expect(page.getByText('same model, precision, prompts and settings')).toHaveCount(0);
});

test('of imported runs it is said that their samples are not here, and nothing is claimed', async ({ page }) => {
  const answer = await page.request.get('/api/v1/explore?origin=imported&limit=2&facets=false');
  const { runs } = (await answer.json()) as { runs: { id: string }[] };
  await page.goto(`/compare?r=${runs[0]!.id}&r=${(await measuredRuns(page, 1))[0]}`);
  await expect(page.getByText('Not all of these runs have samples here, so the published means are compared.')).toBeVisible();
  await expect(rowsOf(page, TABLE).filter({ hasText: 'Time to first token' })).not.toContainText('p <');
});

test('fewer than two runs lead back to the explorer', async ({ page }) => {
  await page.goto('/compare');
  await expect(page.getByRole('heading', { name: 'Pick two to six runs' })).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'To the explorer' }).click();
  await expect(page).toHaveURL('/');
});

test('a run that is not there is said, with what to do', async ({ page }) => {
  await page.goto('/compare?r=nobody&r=nothing');
  await expect(page.getByRole('alert')).toContainText('Check the address, or look for it in the explorer.');
});
