// Draws the pictures of the site in docs/images, and the one that a shared link previews with, from a site that is filled for it:
// what they show was measured a moment before.
//
//   scripts/web.sh pictures        after cargo build
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from '@playwright/test';

import { LAUNCH } from './site/browser.mjs';
import { startSite } from './site/site.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/images', import.meta.url));
const STATIC = fileURLToPath(new URL('../static', import.meta.url));
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

/**
 * Draws what shared links preview with: the name, what the site is for, and a chart of it. Every page has the same.
 *
 * @param {string} path of the page with the chart
 */
async function drawCard(path) {
  const from = await browser.newPage({ viewport: { width: 660, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
  await from.goto(site.url + path);
  const drawn = from.getByRole('figure', { name: /^Output throughput against concurrency/ }).locator('svg[data-plot]');
  await drawn.waitFor();
  await from.waitForLoadState('networkidle');
  const plot = (await drawn.screenshot()).toString('base64');
  await from.close();
  const logo = (await readFile(`${STATIC}/favicon.svg`)).toString('base64');
  const page = await browser.newPage({ viewport: { width: 1200, height: 630 } });
  await page.setContent(`<!doctype html><style>
    body { margin: 0; display: grid; grid-template-columns: 30rem 1fr; gap: 2.5rem; align-items: center; height: 630px; padding: 0 3rem;
      box-sizing: border-box; background: #eef0fb; color: #1c2340; font: 1.65rem/1.4 system-ui, sans-serif }
    b { display: flex; align-items: center; gap: 1rem; font-size: 2.1rem }
    h1 { margin: 1.75rem 0 1rem; font-size: 3.1rem; line-height: 1.1; letter-spacing: -0.02em }
    p { margin: 0; color: #4a5278 }
    div { padding: 1.5rem; border-radius: 1.25rem; background: #fff; box-shadow: 0 1rem 3rem #2f3f9e33 }
    div img { display: block; width: 100% }
    small { color: #4a5278; font-size: 1.05rem }
  </style><section><b><img src="data:image/svg+xml;base64,${logo}" width="64" height="64" alt="">dria-bench</b>
  <h1>What runs fastest, and what does it cost?</h1><p>LLM inference, engine by engine and GPU by GPU, down to the raw samples.</p></section>
  <div><img src="data:image/png;base64,${plot}" alt=""><small>Measured with simulated engines</small></div>`);
  await page.screenshot({ path: `${STATIC}/social.png` });
  await page.close();
  console.error('web/static/social.png');
}

try {
  const [first, , slow, other] = site.seeded?.runs ?? [];
  await draw('site-explorer', '/');
  await draw('site-compare', `/compare?r=${first}&r=${slow}&r=${other}`);
  await draw('site-result', `/results/${first}`, { colorScheme: 'dark' });
  await draw('site-phone', '/', { viewport: PHONE });
  await drawCard(`/compare?r=${first}&r=${slow}&r=${other}`);
} finally {
  await browser.close();
  await site.stop();
}
