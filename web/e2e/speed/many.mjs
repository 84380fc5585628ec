// A hundred thousand results to look through: one run that was really measured, copied with other models, engines, GPUs, prices
// and figures. It writes into the tables that everything public is read from, so it is for measuring how fast they are read, and
// for nothing else. What is copied is called imported, from `file:copies`.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { command } from '../site/program.mjs';

/** Of each copied run: nine levels and the throughput benchmark. */
export const RESULTS_PER_RUN = 10;

/** Measures a run, and makes so many copies of it. `home`: the folder that the site was started with. */
export async function fill({ site, home, binary, runs }) {
  await command(binary, [
    'run', '--engine', 'truth', '--model', 'truth', '--url', site.engines.fast, '--seconds', '0.5',
    '--prompt-tokens', '20', '--output-tokens', '20', '--max-in-flight', '16',
  ], { env: site.env, cwd: home });
  const written = sql(home, COPIES.replaceAll('$last', String(Number(runs))));
  if (Number(written) < runs * RESULTS_PER_RUN) throw new Error(`only ${written} results were written`);
}

/** Runs SQL in the site's database; its last line of output. */
function sql(home, text) {
  const cluster = join(home, 'data/postgres/data');
  const port = (readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[3] ?? '').trim();
  const password = readFileSync(join(cluster, 'dria_bench.password'), 'utf8').trim();
  const out = execFileSync(psql(), ['-h', '127.0.0.1', '-p', port, '-U', 'dria_bench', '-d', 'dria_bench', '-v', 'ON_ERROR_STOP=1', '-qAt'], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, PGPASSWORD: password },
  });
  return out.trim().split('\n').at(-1) ?? '';
}

/** PostgreSQL's client, which comes with its server. */
function psql() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(debian, version, 'bin/psql')).find(existsSync) ?? 'psql';
}

const COPIES = `
begin;
create temporary table template on commit drop as
  select pod_id from published_runs where status = 'succeeded' and run_id is not null limit 1;
insert into published_runs select (jsonb_populate_record(r, jsonb_build_object(
    'pod_id', 'copy-' || n, 'run_id', null, 'imported_from', 'file:copies',
    'llm_id', 'copied-' || n % 40, 'llm_common_name', 'Copied model ' || n % 40,
    'llm_parameter_size', (array['1b', '7b', '8b', '13b', '70b'])[n % 5 + 1],
    'inference_name', (array['VLLM', 'SGLang', 'Ollama'])[n % 3 + 1],
    'engine_version', '0.' || n / 1000, 'precision', (array['bf16', 'fp8', 'q4_k_m'])[n / 7 % 3 + 1],
    'gpu_id', (array['NVIDIA H100 80GB HBM3', 'NVIDIA L40S', 'NVIDIA A100-SXM4-80GB', 'NVIDIA H200'])[n / 3 % 4 + 1],
    'gpu_key', null, 'gpu_count', 1 << (n % 4), 'server_type', (array['Runpod', 'local'])[n % 2 + 1],
    'usd_per_hour', 1 + n % 300 * 0.01, 'uptime_s', 900, 'used_usd', 0.25 + n % 300 * 0.0025,
    'usd_per_million_output_tokens', 0.05 + n * 7 % 1000 * 0.01,
    'ttft_ms', 5 + n * 13 % 900, 'output_tokens_per_second', 20 + n * 11 % 3000,
    'request_latency_s', 0.1 + n * 17 % 100 * 0.1,
    'created_at', r.created_at - make_interval(mins => n),
    'suite_started_at', r.suite_started_at - make_interval(mins => n),
    'suite_ended_at', r.suite_ended_at - make_interval(mins => n)))).*
  from template join published_runs r using (pod_id), generate_series(1, $last) n;
insert into published_results select (jsonb_populate_record(r, jsonb_build_object(
    'pod_id', 'copy-' || n, 'result_id', null,
    'output_tokens_per_second', (20 + n * 11 % 3000) * coalesce(r.rate, 20) / 20.0,
    'tokens_per_second', (40 + n * 22 % 6000) * coalesce(r.rate, 20) / 20.0,
    'time_to_first_token_ms', 5 + n * 13 % 900, 'inter_token_latency_ms', 1 + n * 19 % 100,
    'request_latency', 0.1 + n * 17 % 100 * 0.1, 'measured_at', r.measured_at - make_interval(mins => n)))).*
  from template join published_results r using (pod_id), generate_series(1, $last) n;
commit;
vacuum analyze;
select count(*) from published_results;
`;
