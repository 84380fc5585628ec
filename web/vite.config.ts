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

export default defineConfig({
  plugins: [sveltekit()],
  server: {
    // The methodology page is docs/methodology.md itself.
    fs: { allow: ['..'] },
    proxy: Object.fromEntries(
      ['/api', '/auth', '/benchmark_results', '/docs', '/get_user_comments', '/openapi.json', '/health'].map((path) => [path, proxied]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
