// Which GPU for a model: ranked, with predictions, prices and reasons, and why the others are none.
import { expect, test } from '@playwright/test';

const ranked = 'article';

test('a model is asked for, and GPUs come in their order with a reason each', async ({ page }) => {
  await page.goto('/recommend');
  await expect(page.getByRole('heading', { name: 'Choose a model' })).toBeVisible();
  await page.getByLabel('Model', { exact: true }).fill('Llama 3.1 8B');
  await page.getByRole('button', { name: 'Rank GPUs' }).click();
  await expect(page).toHaveURL('/recommend?model=Llama+3.1+8B');
  const first = page.locator(ranked).first();
  await expect(first).toContainText('A million output tokens');
  await expect(first).toContainText(/measured|scaled|estimated/);
  const costs = await page.locator(ranked).locator('dl > div:first-child dd').allInnerTexts();
  const usd = costs.map((text) => Number(/\$([\d.,]+)/.exec(text)?.[1]?.replaceAll(',', ''))).filter(Number.isFinite);
  expect(usd.length).toBeGreaterThan(2);
  expect(usd).toEqual([...usd].sort((a, b) => a - b));
});

test('bounds of time are asked for with that goal, and kept in the URL', async ({ page }) => {
  await page.goto('/recommend?model=Llama+3.1+8B');
  await page.getByLabel('Cheapest in time').check();
  await page.getByLabel('Most ms to the first token').fill('200');
  await page.getByRole('button', { name: 'Rank GPUs' }).click();
  await expect(page).toHaveURL('/recommend?model=Llama+3.1+8B&goal=slo&ttft_ms=200');
  await expect(page.locator(ranked).first()).toContainText(/in time/);
});

test('what is too small says why', async ({ page }) => {
  await page.goto('/recommend?model=Llama+3.3+70B');
  await page.getByText(/^Why \d+ others are none/).click();
  await expect(page.getByRole('group').getByRole('term').first()).not.toBeEmpty();
});

test('a model that nobody knows is explained', async ({ page }) => {
  await page.goto('/recommend?model=no-such-model');
  await expect(page.getByRole('alert')).toContainText('model');
  await expect(page.getByLabel('Model', { exact: true })).toHaveValue('no-such-model');
});
