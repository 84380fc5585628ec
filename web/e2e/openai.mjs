// A server of OpenAI's chat protocol that follows a script: what is asked for it looks up with one tool, then answers from what
// came back. Real HTTP and a real stream, so that the assistant's whole way is walked. `SLOW` in a question makes a slow answer.
//
//   node web/e2e/openai.mjs [port]        then OPENAI_BASE_URL=http://127.0.0.1:PORT/v1 OPENAI_API_KEY=any
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const SLOW_PIECES = 200;
const SLOW_PAUSE_MS = 100;

/** Starts it; `{ url, stop() }`. */
export async function startOpenAi(port = 0) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) return void response.writeHead(404).end();
    await answer(JSON.parse(body), response);
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', () => done(undefined)));
  const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const stop = () => new Promise((done) => (server.close(done), server.closeAllConnections()));
  return { url: `http://127.0.0.1:${taken}/v1`, stop };
}

async function answer({ messages, tools = [], stream }, response) {
  const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const looked = messages.slice(messages.findLastIndex(({ role }) => role === 'user')).find(({ role }) => role === 'tool');
  /** @type {{ content?: string, role?: string, tool_calls?: object[] }[]} */
  const deltas = looked || tools.length === 0 ? pieces(question, looked?.content ?? '') : [lookUp()];
  if (!stream) return void whole(deltas, response);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const delta of deltas) {
    if (response.destroyed) return;
    send(response, { choices: [{ index: 0, delta, finish_reason: null }] });
    if (/SLOW/.test(question) && delta.content) await new Promise((done) => setTimeout(done, SLOW_PAUSE_MS));
  }
  const finish_reason = deltas[0]?.tool_calls ? 'tool_calls' : 'stop';
  send(response, { choices: [{ index: 0, delta: {}, finish_reason }] });
  send(response, { choices: [], usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } });
  response.end('data: [DONE]\n\n');
}

/** What a moderator or a title asks for comes without a stream. */
function whole(deltas, response) {
  const content = deltas.map((delta) => delta.content ?? '').join('');
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }));
}

function lookUp() {
  const asked = { engine: null, model: null, gpu: null, sort: 'fastest', days: null, limit: 3 };
  return { role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'search_results', arguments: JSON.stringify(asked) } }] };
}

/** An answer with a number that was looked up, and one that wasn't. */
function pieces(question, looked) {
  if (/SLOW/.test(question)) return Array.from({ length: SLOW_PIECES }, (_, at) => ({ content: `Line ${'abcdefghij'[at % 10]} goes on.\n\n` }));
  const found = /"output_tokens_per_second":\s*([\d.]+)/.exec(looked)?.[1] ?? /"matching_runs":\s*(\d+)/.exec(looked)?.[1] ?? '0';
  return [{ content: 'The fastest run makes ' }, { content: `${found} tokens a second.\n\n` }, { content: 'Somebody said 98765 once.\n' }];
}

function send(response, data) {
  response.write(`data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 0, model: 'scripted', ...data })}\n\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startOpenAi(Number(process.argv[2] ?? 0));
  console.log(url);
}
