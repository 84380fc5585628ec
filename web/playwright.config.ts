// The site's tests in a real Chromium, all against one site that the global set-up starts and fills.
//
//   npm run e2e                                     the debug binary, which serves web/build itself
//   DRIA_BENCH_E2E_BINARY=PATH npm run e2e          another binary
//   DRIA_BENCH_E2E_URL=… DRIA_BENCH_ADMIN_TOKEN=…   a site that runs already, such as `node e2e/site/site.mjs`
//
// Nothing is downloaded: the browser is the system's (DRIA_BENCH_CHROMIUM, else /usr/bin/chromium).
import { defineConfig } from '@playwright/test';
import { LAUNCH } from './e2e/site/browser.mjs';

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  globalSetup: './e2e/global-setup.ts',
  reporter: [['list'], ['./e2e/closing-line.ts']],
  forbidOnly: true,
  fullyParallel: false,
  workers: 2,
  // Machines of CI are slow, and a wait that is over ends at once.
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: {
    // Set by the global set-up, before any worker reads this.
    baseURL: process.env.DRIA_BENCH_E2E_URL,
    viewport: { width: 1280, height: 900 },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: LAUNCH,
  },
});
