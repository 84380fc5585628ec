// The first load takes two steps there and back: the page, then all that it needs at once. What is only found out on the way is a
// step more, which costs a phone as long as everything else together. No time is measured here; scripts/bench.sh site does.
import { expect, test, type Page } from '@playwright/test';
import { rowsOf } from './steps';

/** A browser without TLS asks for six at a time. */
const MOST_AT_ONCE = 2 * 6;
const PAGES = ['/', '/?engine=vllm', '/prices', '/trends', '/runs', '/runs/new', '/matrices', '/methodology', '/recommend?model=Llama+3.1+8B', '/sign-in'];

/** What the page at this address names to be fetched at once. */
async function named(page: Page, path: string): Promise<string[]> {
  const html = await (await page.request.get(path, { headers: { accept: 'text/html' } })).text();
  const links = [...html.matchAll(/<link [^>]*>/g)].map(([link]) => link);
  return links
    .filter((link) => /rel="(stylesheet|modulepreload|preload)"/.test(link) && !link.includes(' disabled'))
    .map((link) => (/href="([^"]*)"/.exec(link)?.[1] ?? '').replaceAll('&amp;', '&'));
}

/** What was fetched so far: path with parameters, and what made the browser do so. */
function fetched(page: Page): Promise<{ path: string; by: string }[]> {
  return page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).map(({ name, initiatorType }) => {
      const { pathname, search } = new URL(name);
      return { path: pathname + search, by: initiatorType };
    }),
  );
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

  test('the explorer has its rows of what its page names, in few requests', async ({ page }) => {
    const links = await named(page, '/');
    expect(links.length).toBeLessThanOrEqual(MOST_AT_ONCE);
    await page.goto('/');
    await expect(rowsOf(page).first()).toBeVisible();
    await page.waitForLoadState('networkidle');
    const rest = (await fetched(page)).map(({ path }) => path).filter((path) => !links.includes(path));
    // The chart's figures may come later; its drawing is asked for first.
    expect(rest.filter((path) => path !== '/favicon.svg')).toEqual(['/api/v1/frontier?y=total&limit=40']);
  });

  test('the chart is drawn when it is asked for', async ({ page }) => {
    await page.goto('/');
    await expect(rowsOf(page).first()).toBeVisible();
    const chart = page.getByRole('heading', { name: /speed of a request against/i });
    await expect(chart).toBeHidden();
    await page.locator('summary').filter({ hasText: 'Chart' }).tap();
    await expect(chart).toBeVisible();
    await page.getByRole('group', { name: 'Upright axis of the chart' }).getByRole('link', { name: 'output tokens/s' }).tap();
    await expect(page).toHaveURL(/y=output/);
    await page.reload();
    await expect(chart, 'who shared it looked at it').toBeVisible();
  });
});

test('the explorer’s first answers are under way before its scripts, and are asked for once', async ({ page }) => {
  await page.goto('/');
  await expect(rowsOf(page).first()).toBeVisible();
  await page.waitForLoadState('networkidle');
  const asked = (await fetched(page)).filter(({ path }) => /^\/api\/v1\/(explore|session)/.test(path));
  expect(asked.map(({ by }) => by)).toEqual(['link', 'link']);
});

test('a page of many results holds no more rows than fit', async ({ page }) => {
  const asked = page.waitForRequest((request) => request.url().includes('/api/v1/explore?'));
  await page.goto('/?engine=vllm');
  expect(new URL((await asked).url()).searchParams.get('limit')).toBe('25');
  await expect(rowsOf(page).first()).toBeVisible();
  expect(await rowsOf(page).count()).toBeLessThanOrEqual(25);
});

for (const path of PAGES) {
  test(`${path} names its files`, async ({ page }) => {
    const links = await named(page, path);
    // Whatever comes after the first heading is no part of the first load.
    await page.addInitScript(() => {
      const look = new MutationObserver(() => {
        if (document.querySelector('h1') === null) return;
        look.disconnect();
        performance.mark('heading');
      });
      look.observe(document, { childList: true, subtree: true });
    });
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
    const before = await page.evaluate(() => {
      const at = performance.getEntriesByName('heading')[0]?.startTime ?? 0;
      return performance.getEntriesByType('resource').filter(({ startTime }) => startTime < at).map(({ name }) => new URL(name).pathname);
    });
    const files = before.filter((file) => file.startsWith('/_app/'));
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !links.includes(file))).toEqual([]);
  });
}
