// A GitHub of our own, as much of it as signing in needs: a page that asks who one is, codes with PKCE, tokens, the account.
// The real server talks to it because where GitHub is, is a setting (GITHUB_URL, GITHUB_API_URL).
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { bodyOf, listen, sendJson } from './http.mjs';

/** The OAuth app that it knows. */
export const CLIENT = { id: 'Iv1.e2e', secret: 'the-secret-of-the-app' };

/** Who has an account there. `ada` is an administrator of the site. */
export const ACCOUNTS = [
  { id: 101, login: 'ada' },
  { id: 102, login: 'grace' },
  { id: 103, login: 'linus' },
  { id: 104, login: 'margaret' },
];

/** Starts it on a free port. */
export async function startGithub() {
  const codes = new Map();
  const tokens = new Map();

  const routes = {
    '/login/oauth/authorize': (url, response) => {
      const links = ACCOUNTS.map(({ login }) => {
        const allow = new URL(url);
        allow.pathname = '/login/oauth/allow';
        allow.searchParams.set('login', login);
        return `<li><a href="${allow.href.replaceAll('&', '&amp;')}">Continue as ${login}</a></li>`;
      });
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(`<!doctype html><html lang="en"><title>A GitHub for tests</title><ul>${links.join('')}</ul></html>`);
    },
    '/login/oauth/allow': (url, response) => {
      const account = ACCOUNTS.find(({ login }) => login === url.searchParams.get('login'));
      const code = randomUUID();
      codes.set(code, { account, challenge: url.searchParams.get('code_challenge') });
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      response.writeHead(302, { location: back.href }).end();
    },
    '/login/oauth/access_token': async (_url, response, request) => {
      const form = new URLSearchParams(await bodyOf(request));
      const known = codes.get(form.get('code'));
      codes.delete(form.get('code'));
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
      const ours = form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret;
      if (!ours || known?.challenge !== challenge) {
        return sendJson(response, 200, { error: ours ? 'bad_verification_code' : 'incorrect_client_credentials' });
      }
      const token = `gho_${randomUUID()}`;
      tokens.set(token, known.account);
      sendJson(response, 200, { access_token: token, token_type: 'bearer', scope: 'read:user,user:email' });
    },
    '/api/user': (_url, response, request) => {
      const account = holderOf(request);
      if (!account) return sendJson(response, 401, { message: 'Bad credentials' });
      sendJson(response, 200, { ...account, name: account.login, email: null, avatar_url: null, type: 'User' });
    },
    '/api/user/emails': (_url, response, request) => {
      const account = holderOf(request);
      if (!account) return sendJson(response, 401, { message: 'Bad credentials' });
      sendJson(response, 200, [
        { email: `${account.login}@mail.example`, primary: true, verified: true, visibility: 'private' },
      ]);
    },
  };

  function holderOf(request) {
    return tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
  }

  return listen(
    createServer(async (request, response) => {
      const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
      const route = routes[url.pathname];
      if (!route) return sendJson(response, 404, { message: 'Not Found' });
      await route(url, response, request);
    }),
  );
}
