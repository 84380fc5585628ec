// Fills a server through its public surfaces only: the API with a token, commands, and people who sign in. Nothing is written
// into tables, so whatever the site shows has come the way that everything comes.
//
// Honesty: what is measured here answers with known timing and is called so. Runs of the engine `truth` carry its name, and the
// models that such an engine plays under other engines' protocols are called "Simulated …".
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { apiOf, signIn } from './client.mjs';
import { command } from './program.mjs';

const H100 = 'NVIDIA H100 80GB HBM3';
const L40S = 'NVIDIA L40S';
const A100 = 'NVIDIA A100-SXM4-80GB';
// Engines of known timing serve one model, of this id.
const SMALL = { id: 'truth', common_name: 'Simulated 8B', parameter_size: '8b' };
const LARGE = { id: 'truth', common_name: 'Simulated 70B', parameter_size: '70b' };

/**
 * The runs: engine, model, GPU, how many, which of the engines of known timing plays it, precision. The first is done three times.
 *
 * @type {[string, object, string, number, keyof typeof ENGINES, string | null][]}
 */
const RUNS = [
  ['vllm', SMALL, H100, 1, 'fast', 'bf16'],
  ['vllm', SMALL, H100, 1, 'fast', 'bf16'],
  ['vllm', SMALL, H100, 1, 'newer', 'bf16'],
  ['sglang', SMALL, H100, 1, 'slow', 'bf16'],
  ['ollama', SMALL, H100, 1, 'queue', 'Q4_K_M'],
  ['llamacpp', SMALL, L40S, 1, 'queue', 'Q4_K_M'],
  ['vllm', SMALL, L40S, 1, 'slow', 'fp8'],
  ['vllm', LARGE, H100, 2, 'slow', 'fp8'],
  ['sglang', LARGE, A100, 2, 'slow', 'bf16'],
  ['truth', { id: 'truth' }, A100, 1, 'fast', null],
];

/** Published by others: so many that the explorer has a second page, in pairs of which nobody knows whether they compare fairly. */
const PUBLISHED = ['VLLM', 'SGLang', 'Ollama', 'LlamaCPP'].flatMap((engine, row) =>
  ['NVIDIA L4', 'NVIDIA L40S', 'NVIDIA H200', 'NVIDIA GeForce RTX 4090'].map((gpu, column) => ({
    name: `Simulated-1B_${gpu.replaceAll(' ', '_')}_${engine}_5eed00${row}${column}.json`,
    content: {
      model_name: 'Simulated-1B', benchmark_type: 'throughput', parameter_size: '1b', inference_engine: engine, hardware: gpu,
      memory: 64, server_type: 'Runpod', avg_throughput: 800 + 310 * column + 45 * row, test_duration: 120,
      avg_ttft_ms: 180 - 30 * column + 8 * row, avg_input_token_per_request: 52, avg_output_token_per_request: 70, total_requests: 240,
    },
  })),
);

/** What the engines of known timing do. */
export const ENGINES = {
  fast: { ttftMs: 20, itlMs: 3, version: '0.10.2' },
  newer: { ttftMs: 35, itlMs: 5, version: '0.11.0' },
  slow: { ttftMs: 35, itlMs: 5 },
  queue: { ttftMs: 30, itlMs: 4, slots: 4 },
};

/** A matrix of this machine itself: what can't run here fails, and says why. */
const MATRIX = `
name = "small"
description = "What runs on this machine"
enabled = false
cron = "0 3 * * *"
timezone = "Etc/UTC"
catch_up = "skip"
overlap = "skip"

[matrix]
workflow = "smoke"
provider = "local"
models = ["SmolLM2 135M"]
engines = ["llamacpp", "ollama", "vllm"]
gpus = ["cpu"]
max_cells = 6
budget_usd = "1.00"
`;

/** The file of MATRIX as it has to lie in the site's folder. */
export const MATRIX_FILE = { name: 'small.toml', text: MATRIX };

/**
 * Fills the server, and waits until every run of it has ended.
 *
 * @returns the ids by what they are: `runs` (finished), `failed`, `cancelled`, `matrix`
 */
export async function seed({ url, token, binary, env, project, home, engines, clouds, say }) {
  const api = apiOf(url, token);
  const run = (args) => command(binary, args, { env, cwd: home });

  say('importing files');
  await run(['import', 'files', join(project, 'tests/fixtures/import')]);
  const published = join(home, 'published');
  await mkdir(published, { recursive: true });
  await Promise.all(PUBLISHED.map(({ name, content }) => writeFile(join(published, name), JSON.stringify(content))));
  await run(['import', 'files', published]);
  say('asking the clouds for prices');
  await run(['prices', 'scrape', '--force']);

  say(`starting ${RUNS.length + 3} runs`);
  const ask = (kind, model, gpu, count, engine, precision, load = {}) =>
    api('POST', '/api/v1/runs', {
      engine: { kind, ...(precision && { precision }) },
      model,
      machine: { provider: 'endpoint', gpu_id: gpu, gpu_count: count, url: engine },
      load: { rates: [1, 2, 3, 4, 5, 6, 7, 8, 9], seconds: 0.5, prompt_tokens: 40, output_tokens: 40, ...load },
    });
  const cancelled = await ask('vllm', LARGE, A100, 2, engines.slow.url, 'bf16', { seconds: 60 });
  await api('POST', `/api/v1/runs/${cancelled.run}/priority`, { priority: 9 }).catch(() => {});
  const runs = [];
  for (const [kind, model, gpu, count, engine, precision] of RUNS) {
    runs.push((await ask(kind, model, gpu, count, engines[engine].url, precision)).run);
  }
  // Nobody listens there: the run fails in its first step, and says why.
  const failed = await ask('sglang', LARGE, H100, 4, 'http://127.0.0.1:9', 'bf16');
  const matrix = await run(['matrices', 'run', MATRIX_FILE.name, '--detach', '--rates', '1', '--seconds', '1']);

  await ended(api, cancelled.run, 'running', say);
  await api('POST', `/api/v1/runs/${cancelled.run}/cancel`);
  for (const id of [...runs, failed.run, cancelled.run]) await ended(api, id, undefined, say);
  await community(url, runs);
  await matrixEnded(api, matrix.matrix, say);
  return { runs, failed: failed.run, cancelled: cancelled.run, matrix: matrix.matrix, clouds: clouds.sources };
}

/** What people say of the runs. */
async function community(url, runs) {
  const grace = await signIn(url, 'grace');
  const linus = await signIn(url, 'linus');
  const [first, second] = runs;
  const { comment_id: id, id: other } = await grace('POST', `/api/v1/results/${first}/comments`, {
    comment: 'Time to first token stays flat up to **8 streams**, then it doesn’t. Was `max_num_seqs` left as it is?',
  });
  const question = id ?? other;
  await linus('POST', `/api/v1/results/${first}/comments`, {
    comment: 'It was. With 16 the knee moves to the right.',
    parent_id: question,
  });
  await linus('PUT', `/api/v1/comments/${question}/like`);
  await linus('POST', `/api/v1/results/${second}/comments`, { comment: 'A repeat within 2 % of the first.' });
  for (const somebody of [grace, linus]) await somebody('PUT', `/api/v1/results/${first}/upvote`);
  await grace('PUT', `/api/v1/results/${second}/upvote`);
  await grace('POST', `/api/v1/comments/${question}/report`, { reason: 'Only a test of reporting' }).catch(() => {});
}

/** Waits until a run has ended, or is in this state. */
async function ended(api, id, state, say) {
  for (const until = Date.now() + 240_000; Date.now() < until; ) {
    const { status } = await api('GET', `/api/v1/runs/${id}`);
    if (['succeeded', 'failed', 'cancelled', state].includes(status)) return say(`run ${id} is ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`run ${id} didn't end`);
}

/** Waits until a matrix has ended: its cells are worked by this machine's processor, however busy that is. */
async function matrixEnded(api, id, say) {
  for (const until = Date.now() + 900_000; Date.now() < until; ) {
    const matrix = await api('GET', `/api/v1/matrices/${id}`);
    if (!['planned', 'running'].includes(matrix.state)) return say(`matrix ${id} is ${matrix.state}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`matrix ${id} didn't end`);
}
