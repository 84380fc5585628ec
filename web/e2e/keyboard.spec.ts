// The site by keyboard alone: shortcuts, the skip link, where focus is and where it comes back to.
import { expect, test, type Page } from '@playwright/test';
import { measuredRuns, rowsOf } from './steps';

/** The explorer, once it hears keys. */
async function opened(page: Page): Promise<void> {
  await page.goto('/');
  await expect(rowsOf(page).first()).toBeVisible();
}

test('a slash goes to the search, and types no slash there', async ({ page }) => {
  await opened(page);
  await page.keyboard.press('/');
  const box = page.getByRole('combobox', { name: /^Filter runs/ });
  await expect(box).toBeFocused();
  await expect(box).toHaveValue('');
  await page.keyboard.type('engine:vllm/c?');
  await expect(box).toHaveValue('engine:vllm/c?');
});

test('proposals are walked with arrows and taken with Enter', async ({ page }) => {
  await opened(page);
  await page.keyboard.press('/');
  await page.keyboard.type('engine:oll');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('option', { selected: true })).toContainText('engine:Ollama');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('combobox', { name: /^Filter runs/ })).toHaveValue('engine:Ollama ');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL('/?engine=Ollama');
});

test('c opens the comparison of what is picked', async ({ page }) => {
  const [a, b] = await measuredRuns(page, 2);
  await page.goto(`/?pick=${a}&pick=${b}`);
  await expect(page.getByRole('region', { name: 'Picked to compare' })).toBeVisible();
  await page.keyboard.press('c');
  await expect(page).toHaveURL(`/compare?r=${a}&r=${b}`);
});

test('a question mark lists the shortcuts, Escape closes it, and focus comes back', async ({ page }) => {
  await page.goto('/');
  const link = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Recommend' });
  await link.focus();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(link).toBeFocused();
});

test('the first Tab is the way past the navigation', async ({ page }) => {
  await page.goto('/recommend');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('sorting keeps the focus on the head that was used', async ({ page }) => {
  await page.goto('/');
  const head = page.getByRole('columnheader', { name: /^TTFT/ }).getByRole('link');
  await head.focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL('/?sort=ttft');
  await expect(head).toBeFocused();
});
