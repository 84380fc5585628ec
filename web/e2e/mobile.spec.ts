// A phone: nothing is lost, nothing is wider than the window, and fingers find what they need.
import { expect, test } from '@playwright/test';
import { expectNoSidewaysScroll, measuredRuns, rowsOf } from './steps';

test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

for (const path of ['/', '/?status=failed', '/recommend?model=Llama+3.1+8B', '/sign-in', '/assistant', '/profile', '/nowhere']) {
  test(`${path} is no wider than the window`, async ({ page }) => {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
    await page.waitForLoadState('networkidle');
    await expectNoSidewaysScroll(page);
  });
}

test('a comparison is no wider than the window', async ({ page }) => {
  const ids = await measuredRuns(page, 3);
  await page.goto(`/compare?${new URLSearchParams(ids.map((id) => ['r', id]))}`);
  await expect(page.getByRole('heading', { name: 'At full load' })).toBeVisible();
  await expectNoSidewaysScroll(page);
});

test('runs are cards that still are a table to screen readers, and can be picked', async ({ page }) => {
  await page.goto('/?status=succeeded');
  const first = rowsOf(page).first();
  await expect(first.getByRole('rowheader')).toBeVisible();
  await expect(first.getByRole('cell').filter({ hasText: /\d/ }).first()).toBeVisible();
  await first.getByRole('checkbox').tap();
  await expect(page).toHaveURL(/pick=/);
});

test('navigation and filters are behind a button each', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('checkbox', { name: /^VLLM/ })).toBeHidden();
  await page.locator('summary').filter({ hasText: 'Filters' }).tap();
  await expect(page.getByRole('checkbox', { name: /^VLLM/ })).toBeVisible();
  await page.getByRole('button', { name: 'Menu' }).tap();
  await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Recommend' }).tap();
  await expect(page).toHaveURL('/recommend');
  await expect(page.getByRole('navigation', { name: 'Menu' })).toBeHidden();
});
