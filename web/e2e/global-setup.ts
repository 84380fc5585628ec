// Starts the site that all specs share, and stops it after the last. What specs need of it is in the environment.
import { mkdir, open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startSite } from './site/site.mjs';

/** Where reports of failures are, too. */
const RESULTS = fileURLToPath(new URL('../test-results', import.meta.url));

export default async function globalSetup(): Promise<(() => Promise<void>) | void> {
  if (process.env.DRIA_BENCH_E2E_URL !== undefined) return;
  await mkdir(RESULTS, { recursive: true });
  const log = await open(`${RESULTS}/site.log`, 'a');
  const say = (text: string) => console.error(`site: ${text}`);
  const site = await startSite({ binary: process.env.DRIA_BENCH_E2E_BINARY, say, log: log.fd });
  process.env.DRIA_BENCH_E2E_URL = site.url;
  process.env.DRIA_BENCH_ADMIN_TOKEN = site.adminToken;
  return async () => {
    await site.stop();
    await log.close();
  };
}
