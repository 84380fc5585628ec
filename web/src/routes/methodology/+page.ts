// The methodology as it is in docs/methodology.md of the very version that this site was built from.
import { parse } from '$lib/markdown/parse';
import text from '../../../../docs/methodology.md?raw';
import type { PageLoad } from './$types';

export const load: PageLoad = () => ({ blocks: parse(text) });
