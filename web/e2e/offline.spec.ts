// The site needs no other host: on every page each request goes to the site itself. And it says so when the connection is away.
import { expect, test, type Page } from '@playwright/test';
import { measuredRuns, signInWithToken } from './steps';

const PAGES = ['/', '/recommend?model=Llama+3.1+8B', '/trends', '/prices', '/runs', '/matrices', '/assistant', '/methodology', '/sign-in', '/profile', '/nowhere'];
const ADMIN = ['/admin', '/admin/queues', '/admin/jobs', '/admin/schedules', '/admin/pods', '/admin/sync', '/admin/users', '/admin/moderation', '/admin/audit', '/admin/tokens'];

/** Addresses that a page asked of others than the site; filled while it lives. */
function foreign(page: Page, home: string): string[] {
  const strangers: string[] = [];
  const { host } = new URL(home);
  const note = (address: string) => {
    const url = new URL(address);
    if (!['data:', 'blob:'].includes(url.protocol) && url.host !== host) strangers.push(address);
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  return strangers;
}

async function visited(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
  await page.waitForLoadState('networkidle');
}

test('no page of the site asks anything of another host', async ({ page, baseURL }) => {
  const strangers = foreign(page, baseURL!);
  const [a, b] = await measuredRuns(page, 2);
  for (const path of [...PAGES, `/results/${a}`, `/compare?r=${a}&r=${b}`]) await visited(page, path);
  expect(strangers).toEqual([]);
});

test('nor does a page of those who administer it', async ({ page, baseURL }) => {
  const strangers = foreign(page, baseURL!);
  await signInWithToken(page, '/admin');
  for (const path of [...ADMIN, '/runs/new']) await visited(page, path);
  expect(strangers).toEqual([]);
});

test('without a connection that is said, and what is shown stays', async ({ page, context }) => {
  await visited(page, '/');
  const rows = await page.getByRole('row').count();
  await context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  await expect(page.getByRole('row')).toHaveCount(rows);
  await context.setOffline(false);
  await expect(page.getByText('You are offline.')).toBeHidden();
});
