// What the built site weighs, against what it may: exits with 1 where it is too much. All figures are kB as gzip sends them.
//
//   node budgets.mjs
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const CLIENT = '.svelte-kit/output/client';
const NODES = '.svelte-kit/generated/client-optimized';
/** Most that may be needed before the first page works, most of all pages together, most of all style. */
const BUDGETS_KB = { first: 90, all: 250, style: 25 };

const manifest = JSON.parse(readFileSync(`${CLIENT}/.vite/manifest.json`, 'utf8'));
const kbOf = (file) => gzipSync(readFileSync(`${CLIENT}/${file}`), { level: 9 }).length / 1000;
const sum = (files) => [...files].reduce((kb, file) => kb + kbOf(file), 0);

/** The scripts that an entry needs before it runs: itself and what it imports. */
function needed(entry, found = new Set()) {
  const chunk = manifest[entry];
  if (!chunk) throw new Error(`${entry} is not in the manifest`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const one of chunk.imports ?? []) needed(one, found);
  return found;
}

/** Each page and the number of its part, as SvelteKit wrote them down. */
function pages() {
  const [, dictionary] = /export const dictionary = \{([^}]*)\}/.exec(readFileSync(`${NODES}/app.js`, 'utf8')) ?? [];
  return [...(dictionary ?? '').matchAll(/"([^"]+)": \[(\d+)/g)].map(([, path, node]) => ({ path, node }));
}

const frame = new Set();
for (const entry of Object.keys(manifest).filter((name) => /client\/entry|client-optimized\/(app|nodes\/0)\.js/.test(name))) {
  needed(entry, frame);
}
const first = pages().map(({ path, node }) => ({ path, kb: sum(needed(`${NODES}/nodes/${node}.js`, new Set(frame))) }));
if (first.length === 0) throw new Error('the build names no pages');
const files = new Set(Object.values(manifest).flatMap(({ file, css = [] }) => [file, ...css]));
const all = sum([...files].filter((file) => file.endsWith('.js')));
const style = sum([...files].filter((file) => file.endsWith('.css')));

const rows = [
  ...first.map(({ path, kb }) => [`first load of ${path}`, kb, BUDGETS_KB.first]),
  ['all scripts', all, BUDGETS_KB.all],
  ['all style', style, BUDGETS_KB.style],
];
for (const [what, kb, most] of rows) {
  console.log(`${kb <= most ? 'ok      ' : 'TOO MUCH'} ${kb.toFixed(1).padStart(6)} kB of ${most} kB  ${what}`);
}
process.exitCode = rows.every(([, kb, most]) => kb <= most) ? 0 : 1;
