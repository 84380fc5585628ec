// Signing in, by a token and by GitHub: who one is then, where one comes back to, and how it ends.
import { expect, test } from '@playwright/test';
import { signInAs, signInWithToken } from './steps';

test('a token of the API signs in with its role, and leads back', async ({ page }) => {
  await signInWithToken(page, '/recommend?model=Llama+3.1+8B');
  await expect(page).toHaveURL('/recommend?model=Llama+3.1+8B');
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Admin' })).toBeVisible();
  await page.goto('/profile');
  await expect(page.getByText('A token is nobody in particular')).toBeVisible();
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(kept).not.toContain('drb_');
});

test('a token that is not in force is refused in words, and what was typed stays', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByLabel('Token', { exact: true }).fill('drb_not_in_force');
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await expect(page.getByRole('alert')).toContainText('This token is not in force');
  await expect(page.getByLabel('Token', { exact: true })).toHaveValue('drb_not_in_force');
});

test('GitHub signs a person in, and signing out ends it', async ({ page }) => {
  await signInAs(page, 'grace', '/profile');
  await expect(page).toHaveURL('/profile');
  await expect(page.getByRole('heading', { name: 'grace' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Sign in first' })).toBeVisible();
});

test('nobody is led off the site after signing in', async ({ page }) => {
  await signInWithToken(page, '//elsewhere.example/');
  await expect(page).toHaveURL('/');
});
