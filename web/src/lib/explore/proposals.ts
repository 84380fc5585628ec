// What could follow while filters are typed: names of filters, then values that runs have.
import { BOUNDS, FACETS } from '../filters';
import { AGES, lastWord, type Proposal } from '../proposal';

const MOST = 8;

/** Proposals for the last word of a text. */
export function proposals(typed: string, known: Partial<Record<string, readonly string[]>>): Proposal[] {
  const { before, name, part } = lastWord(typed);
  const made = (shown: string, says: string, end = ''): Proposal => ({ text: `${before}${shown}${end}`, shown, says });
  if (part === null) {
    const facets = FACETS.filter(([key]) => key.startsWith(name)).map(([key, label]) => made(`${key}:`, label));
    const bounds = BOUNDS.filter(([key]) => key.startsWith(name)).map(([key, label, unit]) => made(`${key}:<`, `${label}, ${unit}`));
    const times = ['since', 'until'].filter((key) => key.startsWith(name)).map((key) => made(`${key}:`, 'a day, or 30d, 12h, 4w'));
    return [...facets, ...bounds, ...times].slice(0, name === '' ? MOST * 2 : MOST);
  }
  if (name === 'since') return AGES.filter((age) => age.startsWith(part) && age !== part).map((age) => made(`since:${age}`, 'back from now', ' '));
  return (known[name] ?? [])
    .filter((value) => value.toLowerCase().includes(part) && value.toLowerCase() !== part)
    .slice(0, MOST)
    .map((value) => made(`${name}:${/\s/.test(value) ? `"${value}"` : value}`, '', ' '));
}
