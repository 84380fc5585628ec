// The site as it is used: `dria-bench up` on a database of its own, filled, with a fake GitHub to sign in at, clouds that
// have prices and a model that answers by a script. Playwright's global set-up starts it, and so does a developer:
//
//   node web/e2e/site/site.mjs [--port 8123] [--home DIR] [--binary PATH] [--token-file FILE] [--empty]
//
// It goes on until Ctrl-C, and leaves nothing behind unless --home names where. With --home the data of last time is kept.
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { startClouds } from './clouds.mjs';
import { CLIENT, startGithub } from './github.mjs';
import { startOpenAi } from '../openai.mjs';
import { start, startEngine } from './program.mjs';
import { ENGINES, MATRIX_FILE, seed } from './seed.mjs';

/** @typedef {Awaited<ReturnType<typeof startEngine>>} Engine */

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Starts a site and fills it. `log`: where the server's log goes.
 *
 * @param {{ port?: number, home?: string, binary?: string, empty?: boolean, say?: (text: string) => void,
 *   log?: import('./program.mjs').Log }} [options]
 * @returns `{ url, adminToken, engines, seeded, env, restart(), kill(), stop() }`
 */
export async function startSite({ port = 0, home, binary, empty = false, say = () => {}, log = 'inherit' } = {}) {
  const program = resolve(binary ?? join(PROJECT, 'target/debug/dria-bench'));
  if (!existsSync(program)) throw new Error(`${program} isn't there: run cargo build first`);
  const folder = resolve(home ?? (await mkdtemp(join(tmpdir(), 'dria-site-'))));
  await mkdir(folder, { recursive: true });
  // PostgreSQL refuses to run as root: as root its server is another user, who has to get here.
  await chmod(folder, 0o755);
  await writeFile(join(folder, MATRIX_FILE.name), MATRIX_FILE.text);

  const [github, clouds, openAi] = await Promise.all([startGithub(), startClouds(PROJECT), startOpenAi()]);
  const names = Object.keys(ENGINES);
  const started = await Promise.all(names.map((name) => startEngine(program, ENGINES[name])));
  const engines = Object.fromEntries(names.map((name, at) => [name, /** @type {Engine} */ (started[at])]));
  const python = join(PROJECT, '.tools/llama/bin/python');
  const env = {
    ...clouds.env,
    DRIA_BENCH_DATA_DIR: join(folder, 'data'),
    GITHUB_CLIENT_ID: CLIENT.id,
    GITHUB_CLIENT_SECRET: CLIENT.secret,
    GITHUB_URL: github.url,
    GITHUB_API_URL: `${github.url}/api`,
    OPENAI_BASE_URL: openAi.url,
    OPENAI_API_KEY: 'any',
    OPENAI_MODEL: 'scripted',
    DRIA_BENCH_ADMINS: 'ada',
    DRIA_BENCH_SERVER_READS_PER_MINUTE: '100000',
    DRIA_BENCH_SERVER_WRITES_PER_MINUTE: '10000',
    DRIA_BENCH_WEBHOOKS_ALLOW_PRIVATE: 'true',
    ...(existsSync(python) && { DRIA_BENCH_LLAMACPP_PYTHON: python }),
  };

  const up = (at) =>
    start(program, ['--json', 'up', '--port', String(at), '--concurrency', '4'], {
      env,
      cwd: folder,
      log,
      said: (text) => (text.trimEnd().endsWith('}') ? JSON.parse(text) : undefined),
    });
  let server = up(port);
  const said = await server.ready;
  const kept = join(folder, 'admin-token');
  if (said.admin_token) await writeFile(kept, said.admin_token, { mode: 0o600 });
  const adminToken = said.admin_token ?? (await readFile(kept, 'utf8'));
  const site = {
    url: said.url,
    adminToken,
    env,
    engines: Object.fromEntries(names.map((name) => [name, engines[name]?.url])),
    /** @type {Awaited<ReturnType<typeof seed>> | undefined} */
    seeded: undefined,
    /** Kills the server as a power cut would, its workers with it. */
    kill: () => server.stop('SIGKILL'),
    /** Starts it again where it was. */
    async restart() {
      server = up(new URL(said.url).port);
      await server.ready;
    },
    async stop() {
      await server.stop();
      await Promise.all([github.stop(), clouds.stop(), openAi.stop(), ...started.map((engine) => engine.stop())]);
      if (!home) await rm(folder, { recursive: true, force: true });
    },
  };
  if (said.admin_token && !empty) {
    const to = { url: said.url, token: adminToken, binary: program, env, project: PROJECT, home: folder };
    try {
      site.seeded = await seed({ ...to, engines, clouds, say });
    } catch (error) {
      await site.stop();
      throw error;
    }
  }
  return site;
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8123' },
      home: { type: 'string' },
      binary: { type: 'string' },
      'token-file': { type: 'string' },
      empty: { type: 'boolean', default: false },
    },
  });
  const { port, home, binary, empty } = values;
  const site = await startSite({ port: Number(port), home, binary, empty, say: (text) => console.error(text) });
  if (values['token-file']) await writeFile(values['token-file'], site.adminToken, { mode: 0o600 });
  console.log(JSON.stringify({ url: site.url, admin_token: site.adminToken, engines: site.engines, seeded: site.seeded }));
  await new Promise((stopped) => ['SIGINT', 'SIGTERM'].forEach((signal) => process.once(signal, stopped)));
  await site.stop();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
