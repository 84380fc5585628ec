// Writes build/_app/pages.json: what the browser shall fetch at once for each page, so that it needn't find out step by step. The
// server names it in the page's head (src/api/site/needs.rs).
//
//   node pages.mjs        after vite build
import { writeFileSync } from 'node:fs';
import { pages } from './built.mjs';

/** What every page asks first (+layout.ts). */
const ALWAYS = ['/api/v1/session'];
/** What a page asks first at its address without parameters, as its +page.ts asks it. e2e/first-load.spec.ts fails where it differs. */
const PLAIN = { '/': ['/api/v1/explore?sort=measured_at&order=desc&limit=25'] };

const written = pages().map(({ path, scripts, styles }) => [
  path.replace(/\[[^\]]+\]/g, '*'),
  { scripts: [...scripts].map((file) => `/${file}`), styles: [...styles].map((file) => `/${file}`), asks: ALWAYS, asks_plain: PLAIN[path] ?? [] },
]);
writeFileSync('build/_app/pages.json', JSON.stringify(Object.fromEntries(written)));
