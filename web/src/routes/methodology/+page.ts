// The methodology as it is in docs/methodology.md of the very version that this site was built from. A file beside the scripts, so
// that nobody loads it who doesn't read it, and a browser keeps it until it changes.
import { ask } from '$lib/api/client';
import { parse } from '$lib/markdown/parse';
import address from '../../../../docs/methodology.md?url';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ fetch }) => {
  const text = await ask(fetch(address).then(async (response) => ({ data: await response.text(), response })));
  return { blocks: parse(text) };
};
