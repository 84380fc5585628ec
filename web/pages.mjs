// Writes build/_app/pages.json: what the browser shall fetch at once for each page, so that it needn't find out step by step. The
// server names it in the page's head (src/api/site/needs.rs).
//
//   node pages.mjs        after vite build
import { writeFileSync } from 'node:fs';
import { pages } from './built.mjs';

/** What every page asks first (src/routes/+layout.ts). */
const ALWAYS = ['/api/v1/session'];
/** What a page asks first at its address without parameters, as its +page.ts asks it. e2e/first-load.spec.ts fails where it differs. */
const PLAIN = { '/': ['/api/v1/explore?sort=measured_at&order=desc&limit=25'] };

const addresses = (files) => [...files].map((file) => `/${file}`);
const written = pages().map(({ path, scripts, styles, texts }) => [
  path.replace(/\[[^\]]+\]/g, '*'),
  { scripts: addresses(scripts), styles: addresses(styles), asks: [...ALWAYS, ...addresses(texts)], asks_plain: PLAIN[path] ?? [] },
]);
writeFileSync('build/_app/pages.json', JSON.stringify(Object.fromEntries(written)));
