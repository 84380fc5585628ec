// How old a price is, in bands: an icon and a word each, and what a band is worth.

import type { Schema } from '$lib/api/client';

export type Band = Schema<'Freshness'>;

interface Words {
  icon: string;
  word: string;
  meaning: string;
}

const BANDS: Record<Band, Words> = {
  fresh: { icon: '●', word: 'fresh', meaning: 'seen less than 2 hours ago; counts in medians' },
  stale: { icon: '◐', word: 'stale', meaning: 'seen up to 12 hours ago; still counts in medians' },
  old: { icon: '○', word: 'old', meaning: 'seen up to 24 hours ago, or its source answered without it; counts in no median' },
  hidden: { icon: '–', word: 'hidden', meaning: 'not seen for a day; counts nowhere' },
};

/** A band in words. */
export function freshness(band: Band): Words {
  return BANDS[band];
}

/** All bands, the freshest first. */
export const ALL_BANDS = Object.keys(BANDS) as Band[];
