// The administration: every page for those with the role, a word to everybody else, and what can be changed is changed.
import { expect, test } from '@playwright/test';
import { rowsOf, signInAs, signInWithToken } from './steps';

const PAGES = [
  ['/admin', 'Overview'], ['/admin/queues', 'Queues'], ['/admin/jobs', 'Jobs'], ['/admin/schedules', 'Schedules'], ['/admin/pods', 'Pods'],
  ['/admin/sync', 'Sync'], ['/admin/users', 'Users'], ['/admin/moderation', 'Moderation'], ['/admin/audit', 'Audit'], ['/admin/tokens', 'Tokens'],
] as const;

test('every page is there for an admin, and none of them fails', async ({ page }) => {
  await signInWithToken(page, '/admin');
  for (const [path, name] of PAGES) {
    await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name, exact: true }).click();
    await expect(page).toHaveURL(path);
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await page.waitForLoadState('networkidle');
    await expect(page.getByRole('alert')).toHaveCount(0);
  }
});

test('nobody else sees anything of them but what they need', async ({ page }) => {
  for (const [path] of PAGES) {
    await page.goto(path);
    await expect(page.getByRole('heading', { name: 'Sign in first' })).toBeVisible();
    await expect(page.getByRole('navigation', { name: 'Administration' })).toHaveCount(0);
  }
  await signInAs(page, 'grace', '/admin/queues');
  await expect(page.getByRole('heading', { name: 'Not with this account' })).toBeVisible();
});

test('a queue is paused with a reason, and goes on', async ({ page }) => {
  await signInWithToken(page, '/admin/queues');
  // That of this machine's own hardware: no other spec waits for it.
  const queue = rowsOf(page, 'Queues').filter({ hasText: 'steps@' }).first();
  await queue.getByRole('button', { name: /^Pause/ }).click();
  await page.getByRole('dialog').getByLabel(/^Why/).fill('the disk is exchanged');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await expect(queue).toContainText('the disk is exchanged');
  await queue.getByRole('button', { name: /^Resume/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await expect(queue).toContainText('open');
});

test('jobs are found by state, and lead to their runs', async ({ page }) => {
  await signInWithToken(page, '/admin/jobs');
  await page.getByRole('navigation', { name: 'State' }).getByRole('link', { name: 'done' }).click();
  await expect(page).toHaveURL('/admin/jobs?state=done');
  for (const row of await rowsOf(page, 'Jobs').all()) await expect(row).toContainText('done');
  await rowsOf(page, 'Jobs').first().getByRole('link').first().click();
  await expect(page).toHaveURL(/\/runs\//);
});

test('a schedule is in words, is done now, and is turned off and on', async ({ page }) => {
  await signInWithToken(page, '/admin/schedules');
  const schedule = page.getByRole('article', { name: /^retention/ });
  await expect(schedule).toContainText('every day at 04:15');
  await expect(schedule.getByRole('list').first().getByRole('listitem').first()).toContainText('04:15 UTC');
  await schedule.getByRole('button', { name: /^Run now/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Run now' }).click();
  await expect(schedule).toContainText('asked by token:');
  await schedule.getByRole('button', { name: /^Turn off/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Turn off' }).click();
  await expect(schedule).toContainText('It fires at no time while it is off.');
  await schedule.getByRole('button', { name: /^Turn on/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).click();
  await expect(schedule).toContainText('turned on by');
});

test('a person is suspended for a reason alone, and may write again', async ({ page, browser, baseURL }) => {
  const elsewhere = await browser.newContext(baseURL === undefined ? {} : { baseURL });
  await signInAs(await elsewhere.newPage(), 'margaret', '/profile');
  await elsewhere.close();
  await signInWithToken(page, '/admin/users?text=margaret');
  const margaret = rowsOf(page, 'People').first();
  await margaret.getByRole('button', { name: /^Suspend/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
  await expect(page.getByText('Say why first')).toBeVisible();
  await margaret.getByRole('button', { name: /^Suspend/ }).click();
  await page.getByRole('dialog').getByLabel('Why').fill('a test of suspending');
  await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
  await expect(margaret).toContainText('a test of suspending');
  await margaret.getByRole('button', { name: /^Let write/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Let write' }).click();
  await expect(margaret).toContainText('may write');
});

test('comments that wait and those that are hidden are two lists', async ({ page }) => {
  await signInWithToken(page, '/admin/moderation');
  await page.getByRole('navigation', { name: 'Which comments' }).getByRole('link', { name: 'hidden' }).click();
  await expect(page).toHaveURL('/admin/moderation?state=hidden');
  await expect(page.getByRole('article').or(page.getByRole('heading', { name: 'Nothing is hidden' })).first()).toBeVisible();
});

test('a token is made, its secret is shown once, and it is taken back, which the audit log tells', async ({ page }) => {
  await signInWithToken(page, '/admin/tokens');
  const name = `spec-${Date.now()}`;
  await page.getByLabel(/^Name/).fill(name);
  await page.getByLabel('Role').selectOption('operator');
  await page.getByRole('button', { name: 'Make it' }).click();
  await expect(page.getByText(/^drb_/)).toBeVisible();
  const token = rowsOf(page, 'Tokens').filter({ hasText: name });
  await expect(token).toContainText('in force');
  await token.getByRole('button', { name: /^Revoke/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await expect(token).toContainText('revoked');
  await page.goto('/admin/audit');
  await expect(rowsOf(page, 'Audit log').filter({ hasText: name }).first()).toContainText('token');
});
