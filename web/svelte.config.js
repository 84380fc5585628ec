// How the site is built: to static files with one fallback page, pre-compressed, and with a policy that allows no inline style
// and no script but ours.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

// The one script in the page that isn't SvelteKit's: it sets the theme.
const [, theme] = /<script>([^]*?)<\/script>/.exec(readFileSync(new URL('src/app.html', import.meta.url), 'utf8')) ?? [];
if (theme === undefined) throw new Error('src/app.html has no script that sets the theme');

/** @type {import('@sveltejs/kit').Config} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
  kit: {
    adapter: adapter({ pages: 'build', assets: 'build', fallback: '200.html', precompress: true }),
    // The page has the style that all pages share: on a phone each file costs a way there and back.
    inlineStyleThreshold: 40_000,
    // The fallback page answers for every depth of path, so its assets need absolute addresses.
    paths: { relative: false },
    csp: {
      mode: 'hash',
      directives: {
        'default-src': ['self'],
        'script-src': ['self', `sha256-${createHash('sha256').update(theme).digest('base64')}`],
        'style-src': ['self'],
        // The one inline style is SvelteKit's, on the element that reads out titles to screen readers.
        'style-src-attr': ['unsafe-hashes', 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='],
        'img-src': ['self', 'data:', 'blob:'],
        'connect-src': ['self'],
        'object-src': ['none'],
        'base-uri': ['self'],
        'form-action': ['self'],
      },
    },
  },
};
