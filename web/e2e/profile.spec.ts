// One's own data: seen, taken along, and deleted.
import { expect, test } from '@playwright/test';
import { readFile } from 'node:fs/promises';
import { signInAs } from './steps';

test('whoever is not signed in is told what a profile needs', async ({ page }) => {
  await page.goto('/profile');
  await expect(page.getByText('A profile needs a GitHub account.')).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await expect(page).toHaveURL('/sign-in?return_to=%2Fprofile');
});

test('everything that is kept of oneself comes as a file', async ({ page }) => {
  await signInAs(page, 'grace', '/profile');
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download my data' }).click();
  const file = await coming;
  const text = await readFile(await file.path(), 'utf8');
  expect(JSON.stringify(JSON.parse(text))).toContain('grace');
});

test('another session can be ended from here', async ({ page, browser, baseURL }) => {
  const elsewhere = await browser.newContext(baseURL === undefined ? {} : { baseURL });
  const other = await elsewhere.newPage();
  await signInAs(other, 'linus', '/profile');
  await signInAs(page, 'linus', '/profile');
  const sessions = page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem');
  const before = await sessions.count();
  await page.getByRole('button', { name: 'End it' }).first().click();
  await expect(sessions).toHaveCount(before - 1);
  await other.reload();
  await expect(other.getByRole('heading', { name: 'Sign in first' })).toBeVisible();
  await elsewhere.close();
});

test('an account is deleted once its name is typed, and not before', async ({ page }) => {
  await signInAs(page, 'linus', '/profile');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete your account?' });
  const sure = dialog.getByRole('button', { name: 'Delete everything' });
  await expect(sure).toBeDisabled();
  await dialog.getByRole('textbox').fill('linus');
  await sure.click();
  await expect(page).toHaveURL('/');
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
});
