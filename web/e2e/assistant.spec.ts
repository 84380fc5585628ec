// The assistant against a scripted server of OpenAI's protocol (openai.mjs): answers as they come, numbers that lead to where they
// are from, stopping, conversations of one's own, and no assistant at all.
import { expect, test } from '@playwright/test';
import { signInAs } from './steps';

test('whoever is not signed in is told why, and led there', async ({ page }) => {
  await page.goto('/assistant');
  await expect(page.getByRole('heading', { name: 'Ask about results and prices' })).toBeVisible();
  await expect(page.getByRole('main').getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/sign-in?return_to=%2Fassistant');
});

test('a number of an answer leads to where it is from, one of nowhere is marked, and the conversation has an address', async ({ page }) => {
  await signInAs(page, 'grace', '/assistant');
  await page.getByLabel('Your question').fill('Which run is fastest?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('paragraph').filter({ hasText: 'The fastest run makes' })).toBeVisible();
  const number = page.getByRole('paragraph').filter({ hasText: 'The fastest run makes' }).getByRole('link').first();
  await expect(number).toHaveAttribute('href', /^\//);
  await expect(page.getByText('not from our data', { exact: true })).toBeVisible();
  await expect(page.getByText(/^Looked up searching results/)).toBeVisible();
  await expect(page).toHaveURL(/\/assistant\?c=[0-9a-f-]{36}$/);
  await page.reload();
  await expect(page.getByRole('paragraph').filter({ hasText: 'The fastest run makes' })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'My conversations' }).getByRole('link', { name: /Which run is fastest/ }).first()).toBeVisible();
});

test('an answer can be stopped, and what came of it stays', async ({ page }) => {
  await signInAs(page, 'grace', '/assistant');
  await page.getByLabel('Your question').fill('Which engine is fastest? SLOW please');
  await page.getByLabel('Your question').press('Enter');
  await expect(page.getByRole('paragraph').filter({ hasText: /goes on\./ }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('Stopped here.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Ask' })).toBeVisible();
});

test('a conversation is deleted after it was confirmed', async ({ page }) => {
  await signInAs(page, 'grace', '/assistant');
  await page.getByLabel('Your question').fill('Which GPU is fastest to be deleted?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page).toHaveURL(/c=/);
  const mine = page.getByRole('navigation', { name: 'My conversations' }).getByRole('listitem').filter({ hasText: 'to be deleted' });
  await mine.first().getByRole('button', { name: /^Delete/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(mine).toHaveCount(0);
});

test('where no assistant is set up, that is said and how to have one', async ({ page }) => {
  await signInAs(page, 'grace', '/assistant');
  await page.route('**/api/v1/assistant/conversations/*/messages', (route) =>
    route.fulfill({
      status: 503, contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', status: 503, code: 'assistant_off', title: 'Not set up', detail: 'no assistant', request_id: 'r' }),
    }));
  await page.getByLabel('Your question').fill('Is anybody there?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('heading', { name: 'No assistant is set up here' })).toBeVisible();
});
