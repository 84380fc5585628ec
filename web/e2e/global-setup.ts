// Starts the site that all specs share, and stops it after the last. What specs need of it is in the environment.
import { startSite } from './site/site.mjs';

export default async function globalSetup(): Promise<(() => Promise<void>) | void> {
  if (process.env.DRIA_BENCH_E2E_URL !== undefined) return;
  const site = await startSite({ binary: process.env.DRIA_BENCH_E2E_BINARY, say: (text: string) => console.error(`site: ${text}`) });
  process.env.DRIA_BENCH_E2E_URL = site.url;
  process.env.DRIA_BENCH_ADMIN_TOKEN = site.adminToken;
  // The address of an engine of known timing: what runs of specs measure.
  process.env.DRIA_BENCH_E2E_ENGINE = site.engines.fast;
  return () => site.stop();
}
