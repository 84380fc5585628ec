// Both themes and more contrast: chosen, kept, and accessible on every page of this file.
import { expect, test, type Page } from '@playwright/test';
import { expectAccessible, measuredRuns, signInAs } from './steps';

const PAGES = ['/', '/?status=failed', '/?text=nothing-has-this-name', '/recommend?model=Llama+3.1+8B', '/sign-in', '/profile', '/assistant', '/compare', '/nowhere'];

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
  await page.waitForLoadState('networkidle');
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });

    for (const path of PAGES) {
      test(`${path} has no serious fault of accessibility`, async ({ page }) => {
        await page.goto(path);
        await settled(page);
        await expectAccessible(page);
      });
    }

    test('a comparison has no serious fault of accessibility', async ({ page }) => {
      const ids = await measuredRuns(page, 3);
      await page.goto(`/compare?${new URLSearchParams(ids.map((id) => ['r', id]))}`);
      await settled(page);
      await expectAccessible(page);
    });

    test('what somebody sees who is signed in has no serious fault of accessibility', async ({ page }) => {
      await signInAs(page, 'ada', '/profile');
      await settled(page);
      await expectAccessible(page);
      await page.goto('/assistant');
      await settled(page);
      await expectAccessible(page);
    });
  });
}

test('a theme is chosen, is there before the first paint next time, and can be given back to the system', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/sign-in');
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('radio', { name: 'dark' }).check();
  const dark = await ground();
  expect(dark).not.toBe(light);
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
  expect(await ground()).toBe(dark);
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('radio', { name: 'system' }).check();
  expect(await ground()).toBe(light);
});

test('more contrast is kept, too', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('checkbox', { name: 'more contrast' }).check();
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset.contrast)).toBe('more');
});
