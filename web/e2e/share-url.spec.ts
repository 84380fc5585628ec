// A view is its URL: opened by somebody else it is the same, and Back leads where one was.
import { expect, test } from '@playwright/test';
import { measuredRuns, rowsOf } from './steps';

test('a view of the explorer opens the same for somebody else', async ({ page, browser, baseURL }) => {
  await page.goto('/');
  await page.getByRole('complementary', { name: 'Filters' }).getByRole('checkbox', { name: /^VLLM/ }).check();
  await expect(page).toHaveURL(/engine=VLLM/);
  await page.getByRole('columnheader', { name: /^TTFT/ }).getByRole('link').click();
  await expect(page).toHaveURL(/sort=ttft/);
  await rowsOf(page).first().getByRole('checkbox').check();
  await expect(page).toHaveURL(/pick=/);
  await expect(page.getByRole('columnheader', { name: /^TTFT/ })).toHaveAttribute('aria-sort', 'ascending');
  const names = await rowsOf(page).getByRole('rowheader').allInnerTexts();

  const context = await browser.newContext(baseURL === undefined ? {} : { baseURL });
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(rowsOf(other)).toHaveCount(names.length);
  expect(await rowsOf(other).getByRole('rowheader').allInnerTexts()).toEqual(names);
  await expect(rowsOf(other).first().getByRole('checkbox')).toBeChecked();
  await expect(other.getByRole('columnheader', { name: /^TTFT/ })).toHaveAttribute('aria-sort', 'ascending');
  await expect(other.getByRole('checkbox', { name: /^VLLM/ })).toBeChecked();
  await context.close();
});

test('a comparison with commas is the same as one without', async ({ page }) => {
  const [a, b] = await measuredRuns(page, 2);
  await page.goto(`/compare?r=${a},${b}&base=${b}`);
  await expect(page.getByRole('listitem').filter({ has: page.getByText('Baseline', { exact: true }) })).toHaveCount(1);
  await expect(page.getByRole('heading', { name: 'At full load' })).toBeVisible();
});

test('Back goes through filters one by one', async ({ page }) => {
  await page.goto('/');
  const box = page.getByRole('combobox', { name: /^Filter runs/ });
  for (const typed of ['engine:vllm', 'engine:vllm gpu:h100']) {
    await box.fill(typed);
    await box.press('Enter');
    await expect(page.getByRole('list', { name: 'Filters that hold' }).getByRole('listitem')).toHaveCount(typed.split(' ').length + 1);
  }
  await page.goBack();
  await expect(box).toHaveValue('engine:vllm');
  await page.goBack();
  await expect(box).toHaveValue('');
});

test('a page that does not exist says so', async ({ page }) => {
  await page.goto('/nowhere/at/all');
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
});
