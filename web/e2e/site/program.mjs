// The real program, started and stopped: `dria-bench up`, engines of known timing, commands.
import { spawn } from 'node:child_process';

/** @typedef {number | 'ignore' | 'inherit'} Log  Where a process's log goes, as `stdio` of Node takes it. */

/**
 * Starts a process that goes on. `ready` is resolved with its first line on stdout that `said` accepts.
 *
 * @param {string} binary
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, log?: Log, said: (text: string) => any }} options
 */
export function start(binary, args, { env = {}, cwd, log = 'ignore', said }) {
  // Typed by hand: Node's declarations know no tuple with a descriptor.
  const child = /** @type {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, null>} */ (
    spawn(binary, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', log] })
  );
  let text = '';
  const ready = new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = said(text);
      if (found !== undefined) resolve(found);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${binary} ${args.join(' ')} ended with ${code}: ${text}`)));
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  ready.catch(() => {});
  return {
    ready,
    pid: child.pid,
    /**
     * Asks it to stop, and waits until it has.
     *
     * @param {NodeJS.Signals} signal
     */
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
}

/** Runs a command to its end; its JSON. */
export async function command(binary, args, { env = {}, cwd }) {
  const child = spawn(binary, ['--json', ...args], { cwd, env: { ...process.env, ...env } });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`dria-bench ${args.join(' ')} ended with ${code}: ${error || out}`);
  return JSON.parse(out || 'null');
}

/** An engine of known timing. */
export async function startEngine(binary, { ttftMs, itlMs, slots, version }) {
  const args = ['truth-server', '--port', '0', '--ttft-ms', String(ttftMs), '--itl-ms', String(itlMs)];
  if (slots) args.push('--slots', String(slots));
  if (version) args.push('--engine-version', version);
  const engine = start(binary, args, { said: (text) => /^ready (\S+)/m.exec(text)?.[1] });
  return { url: await engine.ready, stop: engine.stop };
}
