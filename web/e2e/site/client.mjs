// A caller of the API with a token, and a person who signs in at the fake GitHub as a browser would.

/** Calls the API with a token. */
export function apiOf(url, token) {
  return async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

/** Signs in at the fake GitHub, following every redirect by hand. Returns a function that calls the API as that person. */
export async function signIn(url, login) {
  const cookies = new Map();
  const go = async (address, options = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const ours = address.startsWith(url);
    const answer = await fetch(address, {
      redirect: 'manual',
      ...options,
      headers: { ...options.headers, ...(ours && cookie && { cookie }) },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (name) cookies.set(name, value);
    }
    return answer;
  };

  const away = await go(`${url}/api/v1/session/github?return_to=/`);
  const allow = new URL(away.headers.get('location') ?? '');
  allow.pathname = '/login/oauth/allow';
  allow.searchParams.set('login', login);
  const back = await go(allow.href);
  await go(back.headers.get('location') ?? '');
  const { csrf_token: csrf } = await (await go(`${url}/api/v1/session`)).json();
  if (!csrf) throw new Error(`${login} could not sign in`);

  return async (method, path, body) => {
    const headers = { 'x-csrf-token': csrf, origin: url, ...(body && { 'content-type': 'application/json' }) };
    const answer = await go(url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${login}: ${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}
