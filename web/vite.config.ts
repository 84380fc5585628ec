// The build, the tests, and in development a proxy to a running dria-bench (DRIA_BENCH_URL).
import { sveltekit } from '@sveltejs/kit/vite';
import type { ProxyOptions } from 'vite';
import { defineConfig } from 'vitest/config';

const target = process.env.DRIA_BENCH_URL ?? 'http://127.0.0.1:8000';

const proxied: ProxyOptions = {
  target,
  changeOrigin: true,
  configure(proxy) {
    // Writes with the site's cookie are accepted from the server's own origin alone.
    proxy.on('proxyReq', (request) => {
      if (request.getHeader('origin') !== undefined) request.setHeader('origin', target);
    });
  },
};

// Few files rather than small ones: a phone waits as long for each as for twenty kB, and a browser asks a server without TLS for
// six at a time. So all that two pages share is one file. Drawings of charts and what they draw with come later than pages, so no
// page's file has them.
const DRAWINGS = /node_modules\/(d3-|internmap)|lib\/charts\/(?!accessor|address|colors|configurations|figures|settings|state)/;
const FRAME = { name: 'frame', test: (id: string) => !DRAWINGS.test(id), minShareCount: 2 };

export default defineConfig({
  plugins: [sveltekit()],
  environments: {
    client: {
      build: {
        rolldownOptions: { output: { codeSplitting: { groups: [FRAME] } } },
      },
    },
  },
  server: {
    // The methodology page is docs/methodology.md itself.
    fs: { allow: ['..'] },
    proxy: Object.fromEntries(
      ['/api', '/auth', '/benchmark_results', '/docs', '/get_user_comments', '/openapi.json', '/health'].map((path) => [path, proxied]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
