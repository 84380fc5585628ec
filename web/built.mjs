// What the built site consists of: its pages, and the files that each needs before it works. It must not know what becomes of that.
import { readFileSync } from 'node:fs';

export const CLIENT = '.svelte-kit/output/client';
const NODES = '.svelte-kit/generated/client-optimized';

export const manifest = JSON.parse(readFileSync(`${CLIENT}/.vite/manifest.json`, 'utf8'));

const part = (node) => `${NODES}/nodes/${node}.js`;

/** What these entries need before they run, each with what it imports: `scripts` and `styles` without those of `before`, `texts`. */
export function needed(entries, before = { scripts: new Set(), styles: new Set() }) {
  const [scripts, styles, texts, seen] = [new Set(), new Set(), new Set(), new Set()];
  const walk = (entry) => {
    const chunk = manifest[entry];
    if (!chunk) throw new Error(`${entry} is not in the manifest`);
    if (seen.has(entry)) return;
    seen.add(entry);
    if (!before.scripts.has(chunk.file)) scripts.add(chunk.file);
    for (const style of chunk.css ?? []) if (!before.styles.has(style)) styles.add(style);
    for (const asset of chunk.assets ?? []) if (asset.endsWith('.md')) texts.add(asset);
    (chunk.imports ?? []).forEach(walk);
  };
  entries.forEach(walk);
  return { scripts, styles, texts };
}

/** What every page needs, and the built page names itself. */
export const frame = needed(Object.keys(manifest).filter((name) => /client\/entry|client-optimized\/(app|nodes\/0)\.js/.test(name)));

/** Each page's path, and what it needs beside the frame: its own part, the layouts around it, and the part that says errors. */
export function pages() {
  const [, dictionary] = /export const dictionary = \{([^}]*)\}/.exec(readFileSync(`${NODES}/app.js`, 'utf8')) ?? [];
  const found = [...(dictionary ?? '').matchAll(/"([^"]+)": \[~?(\d+)(?:,\[([\d,]*)\])?/g)];
  if (found.length === 0) throw new Error('the build names no pages');
  return found.map(([, path, page, layouts]) => {
    const nodes = [page, ...(layouts ?? '').split(',').filter((node) => node !== ''), '1'];
    return { path, ...needed(nodes.map(part), frame) };
  });
}
