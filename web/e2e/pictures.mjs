// Draws the pictures of the site in docs/images, from a site that is filled for it: what they show was measured a moment before.
//
//   scripts/web.sh pictures        after cargo build
import { fileURLToPath } from 'node:url';

import { chromium } from '@playwright/test';

import { LAUNCH } from './site/browser.mjs';
import { startSite } from './site/site.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/images', import.meta.url));
const WIDE = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

const site = await startSite({ say: (text) => console.error(text), log: 'ignore' });
const browser = await chromium.launch(LAUNCH);

/**
 * Draws the page at `path` once it shows a heading and nothing loads any more.
 *
 * @param {string} name
 * @param {string} path
 * @param {{ viewport?: typeof WIDE, colorScheme?: 'light' | 'dark' }} [look]
 */
async function draw(name, path, { viewport = WIDE, colorScheme = 'light' } = {}) {
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
  await page.goto(site.url + path);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await page.close();
  console.error(`docs/images/${name}.png`);
}

try {
  const [first, , slow, other] = site.seeded?.runs ?? [];
  await draw('site-explorer', '/');
  await draw('site-compare', `/compare?r=${first}&r=${slow}&r=${other}`);
  await draw('site-result', `/results/${first}`, { colorScheme: 'dark' });
  await draw('site-phone', '/', { viewport: PHONE });
} finally {
  await browser.close();
  await site.stop();
}
