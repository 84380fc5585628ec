// What could follow while filters of runs are typed: names of filters, then the words that each may be.
import { AGES, lastWord, type Proposal } from '../proposal';
import { FILTERS } from './filters';

/** As it is typed, the API's `status` is `state`. */
const typedAs = (name: string) => (name === 'status' ? 'state' : name);

/** Proposals for the last word of a text. */
export function runProposals(typed: string): Proposal[] {
  const { before, name, part } = lastWord(typed);
  const made = (shown: string, says: string, end = ''): Proposal => ({ text: `${before}${shown}${end}`, shown, says });
  if (part === null) {
    return FILTERS.filter(([key]) => typedAs(key).startsWith(name)).map(([key, label]) => made(`${typedAs(key)}:`, label));
  }
  const filter = FILTERS.find(([key]) => typedAs(key) === name);
  const words: readonly string[] = name === 'since' ? AGES : (filter?.[2] ?? []);
  return words.filter((word) => word.includes(part) && word !== part).map((word) => made(`${name}:${word}`, '', ' '));
}
