// A matrix: found in its list, read as a grid whose cells lead to their runs, with why some are not done, and resumed in one action.
import { expect, test } from '@playwright/test';
import { matrix } from './runs';
import { rowsOf, signInWithToken } from './steps';

test('a matrix is found in the list, and its grid leads to the run of a cell', async ({ page }) => {
  await page.goto('/matrices');
  await rowsOf(page, 'Matrices').first().getByRole('link').first().click();
  await expect(page).toHaveURL(/\/matrices\/[0-9a-f-]{36}$/);
  const grid = page.getByRole('region', { name: 'Model by engine and GPU' });
  await expect(grid.getByRole('columnheader', { name: /llamacpp/ })).toBeVisible();
  await grid.getByRole('link').first().click();
  await expect(page).toHaveURL(/\/runs\//);
});

test('cells that are not done say why, and the budget says how far it is', async ({ page }) => {
  await page.goto(`/matrices/${await matrix(page.request)}`);
  await expect(page.getByRole('heading', { name: 'Why cells are not done' })).toBeVisible();
  await expect(page.getByRole('table', { name: 'Cells of the matrix' })).toContainText(/_/);
  await expect(page.getByRole('meter', { name: 'Spent of the budget' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Resume/ })).toHaveCount(0);
});

test('an operator goes on with what failed in one action, after it was asked', async ({ page }) => {
  await signInWithToken(page, `/matrices/${await matrix(page.request)}`);
  await page.getByRole('button', { name: /^Resume \d+ cell/ }).click();
  const dialog = page.getByRole('dialog', { name: /^Go on with/ });
  await expect(dialog.getByLabel(/^New budget/)).toBeVisible();
  await dialog.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByText(/^\d+ cells? go on$/)).toBeVisible();
  await expect(page.getByRole('region', { name: 'Where it stands' })).toContainText('Resumed');
});

test('a matrix that is not there is said', async ({ page }) => {
  await page.goto('/matrices/01a20f48-0000-7000-8000-000000000000');
  await expect(page.getByRole('alert')).toContainText('Check the address');
});
