// Clouds that answer with the price lists recorded in tests/fixtures/prices. Where each source is asked is a setting
// (PRICE_<SOURCE>_URL), so the real scraper reads them.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { listen, sendJson } from './http.mjs';

/** What a path of the server answers: a file below tests/fixtures/prices. */
const FILES = {
  '/akash': 'akash/gpu_prices.200.json',
  '/cloudrift': 'cloudrift/instance_types.200.json',
  '/lium': 'lium/nodes.200.json',
  '/oci/products.json': 'oci/products.json',
  '/oci/shapes.json': 'oci/shapes.json',
  '/vastai': 'vastai/bundles.200.json',
  '/vultr/plans': 'vultr/plans.200.json',
  '/vultr/plans-metal': 'vultr/plans_metal.200.json',
};

/** Sources that answer. */
const SOURCES = ['akash', 'cloudrift', 'lium', 'oci', 'vastai', 'vultr'];

/** Sources that want no key but are away: the site has to show that, too. */
const AWAY = ['azure', 'gpuhunt', 'runpod', 'skypilot'];

/** Starts them on one free port; `env` leads the scraper there. */
export async function startClouds(project) {
  const fixtures = join(project, 'tests/fixtures/prices');
  const server = await listen(
    createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://clouds');
      const file = FILES[pathname];
      if (!file) return sendJson(response, 404, { error: 'not found' });
      response.writeHead(200, { 'content-type': 'application/json' }).end(await readFile(join(fixtures, file)));
    }),
  );
  const lead = [...SOURCES, ...AWAY].map((source) => [`PRICE_${source.toUpperCase()}_URL`, `${server.url}/${source}`]);
  return { ...server, env: Object.fromEntries(lead), sources: SOURCES };
}
