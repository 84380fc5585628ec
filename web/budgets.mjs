// What the built site weighs, against what it may: exits with 1 where it is too much. All figures are kB as gzip sends them.
//
//   node budgets.mjs
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { CLIENT, frame, manifest, pages } from './built.mjs';

/** Most that may be needed before the first page works, most of all pages together, most of all style. */
const BUDGETS_KB = { first: 90, all: 250, style: 25 };

const kbOf = (file) => gzipSync(readFileSync(`${CLIENT}/${file}`), { level: 9 }).length / 1000;
const sum = (files) => [...files].reduce((kb, file) => kb + kbOf(file), 0);

const first = pages().map(({ path, scripts }) => ({ path, files: new Set([...frame.scripts, ...scripts]) }));
const files = new Set(Object.values(manifest).flatMap(({ file, css = [] }) => [file, ...css]));
const all = sum([...files].filter((file) => file.endsWith('.js')));
const style = sum([...files].filter((file) => file.endsWith('.css')));

const rows = [
  ...first.map(({ path, files }) => [`first load of ${path}, ${files.size} files`, sum(files), BUDGETS_KB.first]),
  ['all scripts', all, BUDGETS_KB.all],
  ['all style', style, BUDGETS_KB.style],
];
for (const [what, kb, most] of rows) {
  console.log(`${kb <= most ? 'ok      ' : 'TOO MUCH'} ${kb.toFixed(1).padStart(6)} kB of ${most} kB  ${what}`);
}
process.exitCode = rows.every(([, kb, most]) => kb <= most) ? 0 : 1;
