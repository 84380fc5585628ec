// Pages of runs, matrices and the administration in both themes and on a phone.
import { expect, test, type Page } from '@playwright/test';
import { matrix, runIn } from './runs';
import { expectAccessible, expectNoSidewaysScroll, signInWithToken } from './steps';

const OPEN = ['/runs', '/runs?status=failed', '/runs?text=nothing-has-this-name', '/matrices', '/admin'];
const ADMIN = [
  '/runs/new', '/admin', '/admin/queues', '/admin/jobs', '/admin/schedules', '/admin/pods', '/admin/sync', '/admin/users', '/admin/moderation',
  '/admin/audit', '/admin/tokens',
];

async function every(page: Page, paths: readonly string[], check: (page: Page) => Promise<void>): Promise<void> {
  for (const path of paths) {
    await test.step(path, async () => {
      await page.goto(path);
      await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
      await page.waitForLoadState('networkidle');
      await check(page);
    });
  }
}

/** Pages of one run and of one matrix. */
async function singles(page: Page): Promise<string[]> {
  return [`/runs/${await runIn(page.request, 'failed')}`, `/runs/${await runIn(page.request, 'succeeded')}`, `/matrices/${await matrix(page.request)}`];
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });
    test.slow();

    test('what everybody sees has no serious fault of accessibility', async ({ page }) => {
      await every(page, [...OPEN, ...(await singles(page))], expectAccessible);
    });

    test('what an admin sees has no serious fault of accessibility', async ({ page }) => {
      await signInWithToken(page, '/admin');
      await every(page, [...ADMIN, ...(await singles(page))], expectAccessible);
    });
  });
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  test.slow();

  test('nothing is wider than the window', async ({ page }) => {
    await signInWithToken(page, '/admin');
    await every(page, [...OPEN, ...ADMIN, ...(await singles(page))], expectNoSidewaysScroll);
  });
});
