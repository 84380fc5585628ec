// Trends, prices, models, GPUs and the methodology: what they show is what the API says, and their addresses open the same again.
import { expect, test } from '@playwright/test';
import { chart, runOf } from './charts';
import { rowsOf } from './steps';

test.describe('trends', () => {
  test('have a line a configuration, and lead to a result', async ({ page }) => {
    await page.goto('/trends?model=Simulated+8B');
    const { lines } = await (await page.request.get('/api/v1/trends?model=Simulated%208B&limit=12')).json();
    const figure = chart(page, /over time, throughput/);
    await expect(figure.getByRole('img')).toHaveAccessibleName(new RegExp(`${lines.length} series`));
    await expect(rowsOf(page, 'Configurations and how far they moved')).toHaveCount(lines.length);
    await figure.getByRole('application').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/results\//);
    await page.goBack();
    await expect(page).toHaveURL(/\/trends\?model=Simulated/);
  });

  test('change figure and load by the address', async ({ page }) => {
    await page.goto('/trends?model=Simulated+8B');
    await page.getByRole('combobox', { name: 'Figure' }).selectOption({ label: 'Time to first token (ms)' });
    await expect(page).toHaveURL(/metric=ttft/);
    await page.getByRole('combobox', { name: 'Load' }).selectOption('4 streams');
    await expect(page).toHaveURL(/rate=4/);
    await expect(chart(page, /[Tt]ime to first token over time, 4 streams/)).toContainText('lower is better');
    await page.reload();
    await expect(chart(page, /[Tt]ime to first token over time, 4 streams/)).toBeVisible();
  });

  test('mark in words where the engine is another, and say what is simulated', async ({ page }) => {
    const { lines } = await (await page.request.get('/api/v1/trends?model=Simulated%208B&engine=vllm&gpu=NVIDIA%20H100%2080GB%20HBM3')).json();
    expect(lines[0].points.flatMap((point: { changed: string[] }) => point.changed)).toContain('engine_version');
    await page.goto('/trends?model=Simulated+8B&engine=vllm&gpu=NVIDIA+H100+80GB+HBM3');
    const figure = chart(page, /over time, throughput/);
    await expect(figure).toContainText('simulated engine');
    await figure.getByRole('button', { name: 'Table' }).click();
    await expect(figure.getByRole('table')).toContainText('engine is now 0.11.0');
    const rows = rowsOf(page, 'Configurations and how far they moved');
    await expect(rows.first()).toContainText('simulated engine');
  });

  test('say what to do where nothing was measured', async ({ page }) => {
    await page.goto('/trends?text=nothing-has-this-name');
    await expect(page.getByRole('heading', { name: 'No configuration was measured with this' })).toBeVisible();
  });
});

test.describe('prices', () => {
  test('are those of the API, each with its age and the reason', async ({ page }) => {
    await page.goto('/prices');
    const { prices } = await (await page.request.get('/api/v1/prices?kind=on_demand')).json();
    const rows = rowsOf(page, 'Prices today, cheapest first by GPU');
    await expect(rows).toHaveCount(prices.length);
    await expect(rows.first()).toContainText(prices[0].reason);
    await expect(rows.first()).toContainText(prices[0].freshness);
  });

  test('of one GPU have a history, and the address keeps what was chosen', async ({ page }) => {
    await page.goto('/prices');
    await page.getByRole('combobox', { name: 'GPU' }).selectOption('NVIDIA H100 80GB HBM3');
    await expect(page).toHaveURL(/gpu=NVIDIA/);
    await expect(chart(page, /^H100 SXM: price over 90 days/)).toBeVisible();
    await page.getByRole('combobox', { name: 'Sold as' }).selectOption('both');
    await expect(page).toHaveURL(/kind=all/);
    await page.reload();
    await expect(page.getByRole('combobox', { name: 'Sold as' })).toHaveValue('all');
  });

  test('are no price of tokens by what a simulator answered', async ({ page }) => {
    await page.goto('/prices?model=Simulated+8B');
    await expect(rowsOf(page, 'Prices today, cheapest first by GPU').first()).toContainText('not measured');
  });
});

test.describe('a model', () => {
  test('shows what was measured of it, also one that no catalog has', async ({ page }) => {
    const { total } = await (await page.request.get('/api/v1/explore?model=Simulated%208B&limit=1')).json();
    await page.goto('/models/simulated-8b');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Simulated 8B');
    await expect(rowsOf(page, 'Results of Simulated 8B, the fastest first')).toHaveCount(total);
    await expect(page.getByText('Not in the catalog')).toBeVisible();
  });

  test('has its configurations at one speed, which is in the address, and says where nobody measured', async ({ page }) => {
    await page.goto('/models/simulated-8b');
    await page.getByLabel('Output tokens/s of each request').fill('1000000');
    await page.getByLabel('Output tokens/s of each request').press('Tab');
    await expect(page).toHaveURL(/speed=1000000/);
    await expect(page.getByRole('table', { name: /^Configurations at / }).getByRole('row').nth(1)).toContainText('not measured there');
    await page.reload();
    await expect(page.getByLabel('Output tokens/s of each request')).toHaveValue('1000000');
  });

  test('of the catalog says where it fits', async ({ page }) => {
    await page.goto('/models/llama-3.1-8b');
    await expect(page.getByRole('heading', { name: 'Where it fits' })).toBeVisible();
    await page.getByRole('link', { name: 'NVIDIA H200', exact: true }).click();
    await expect(page).toHaveURL('/gpus/nvidia-h200');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('H200 SXM');
  });

  test('that nobody knows says so', async ({ page }) => {
    await page.goto('/models/nobody-knows-it');
    await expect(page.getByRole('heading', { name: 'There is no such model' })).toBeVisible();
  });
});

test.describe('a GPU', () => {
  test('shows its prices, its figures, and failures with their code', async ({ page }) => {
    const { gpu, failure_code } = await runOf(page, 'status=failed&gpu=NVIDIA%20H100%2080GB%20HBM3');
    await page.goto('/gpus/h100-sxm');
    await expect(page.getByText(gpu).first()).toBeVisible();
    await expect(rowsOf(page, 'Results on H100 SXM, the fastest first').filter({ hasText: failure_code ?? '' }).first()).toBeVisible();
    await expect(rowsOf(page, 'Prices of H100 SXM today').first()).toContainText(/\$\d/);
    await expect(page.getByText('TFLOPS, dense').first()).toBeVisible();
  });

  test('that nobody knows says so', async ({ page }) => {
    await page.goto('/gpus/voodoo-2');
    await expect(page.getByRole('heading', { name: 'There is no such GPU' })).toBeVisible();
  });
});

test.describe('the methodology', () => {
  test('has every section that a chart links to', async ({ page }) => {
    const { id } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
    await page.goto(`/results/${id}`);
    await expect(page.getByRole('heading', { name: 'Provenance' })).toBeVisible();
    const links = await page.getByRole('link').evaluateAll((all) =>
      all.map((link) => link.getAttribute('href') ?? '').filter((href) => href.startsWith('/methodology#')));
    expect(links.length).toBeGreaterThan(5);
    await page.getByRole('link', { name: 'How this is measured: Time to first token against concurrency' }).click();
    await expect(page).toHaveURL('/methodology#symbols-and-clocks');
    await expect(page.locator('#symbols-and-clocks')).toBeInViewport();
    for (const link of new Set(links)) await expect(page.locator(`[id="${link.split('#')[1]}"]`)).toBeAttached();
  });

  test('leads from its list of sections to each', async ({ page }) => {
    await page.goto('/methodology');
    await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Cost' }).click();
    await expect(page).toHaveURL('/methodology#cost');
    await expect(page.getByRole('heading', { name: 'Cost', level: 2 })).toBeInViewport();
  });
});
