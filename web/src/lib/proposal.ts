// What could follow while a text of filters is typed. It must not know which filters there are.

export interface Proposal {
  /** The whole text with it. */
  text: string;
  shown: string;
  says: string;
}

/** Ages that are asked for most. */
export const AGES = ['24h', '7d', '30d', '90d'] as const;

/** A text's last word, what is before it, and the two sides of its colon; `part` is null where it has none. */
export function lastWord(typed: string): { before: string; name: string; part: string | null } {
  const [, before = '', word = ''] = /^(.*\s)?(\S*)$/s.exec(typed) ?? [];
  const colon = word.indexOf(':');
  if (colon < 0) return { before, name: word.toLowerCase(), part: null };
  return { before, name: word.slice(0, colon).toLowerCase(), part: word.slice(colon + 1).replace(/^"/, '').toLowerCase() };
}
