// Pages of numbers in both themes and on a phone: nothing grave that axe finds, and nothing wider than the window.
import { expect, test, type Page } from '@playwright/test';
import { chart, runOf } from './charts';
import { expectAccessible, expectNoSidewaysScroll } from './steps';

const PAGES = [
  '/trends', '/trends?text=nothing-has-this-name', '/prices', '/prices?gpu=NVIDIA+H100+80GB+HBM3', '/models/simulated-8b',
  '/models/llama-3.1-8b', '/gpus/h100-sxm', '/methodology',
];
const RESULTS = { measured: 'status=succeeded&origin=measured&model=Simulated%208B', failed: 'status=failed', imported: 'origin=imported' };

async function settled(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.waitForLoadState('networkidle');
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });
    for (const path of PAGES) {
      test(`${path} has no serious fault of accessibility`, async ({ page }) => {
        await settled(page, path);
        await expectAccessible(page);
      });
    }
    for (const [what, query] of Object.entries(RESULTS)) {
      test(`a result that is ${what} has no serious fault of accessibility`, async ({ page }) => {
        await settled(page, `/results/${(await runOf(page, query)).id}`);
        await expectAccessible(page);
      });
    }
    test('a chart as a table, with a point chosen and its menu open, has none either', async ({ page }) => {
      const { id } = await runOf(page, RESULTS.measured);
      await settled(page, `/results/${id}?chart.concurrency-ttft=table`);
      const figure = chart(page, 'Output throughput against concurrency');
      await figure.getByRole('application').focus();
      await page.keyboard.press('ArrowRight');
      await figure.locator('summary').click();
      await expectAccessible(page);
    });
  });
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  for (const path of PAGES) {
    test(`${path} is no wider than the window`, async ({ page }) => {
      await settled(page, path);
      await expectNoSidewaysScroll(page);
    });
  }
  for (const [what, query] of Object.entries(RESULTS)) {
    test(`a result that is ${what} is no wider than the window`, async ({ page }) => {
      await settled(page, `/results/${(await runOf(page, query)).id}`);
      await expectNoSidewaysScroll(page);
    });
  }
  test('a chart shows a point that is tapped', async ({ page }) => {
    const { id } = await runOf(page, RESULTS.measured);
    await settled(page, `/results/${id}`);
    const figure = chart(page, 'Time to first token against concurrency');
    await figure.locator('svg[data-plot] path.marker').nth(3).tap({ force: true });
    await expect(figure.locator('[aria-live=polite]')).toContainText(/Concurrent streams \d/);
  });
});
