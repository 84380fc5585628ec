// Six questions that people come with; each is nothing but a URL of the explorer.
import { toQuery, parse } from '../filters';
import { explorer, explorerHref, type Explorer, type Sort } from './state';

export interface Preset {
  title: string;
  says: string;
  href: string;
}

function preset(title: string, says: string, filters: string, sort: Sort, y: Explorer['y'] = 'total'): Preset {
  const state = { ...explorer.initial(), ...toQuery(parse(filters).filters), sort, y };
  return { title, says, href: explorerHref(state) };
}

export const PRESETS: readonly Preset[] = [
  preset('Fastest on one GPU', 'Output tokens a second at full load', 'gpu_count:1 status:succeeded', 'tps', 'output'),
  preset('Cheapest tokens', 'US dollars for a million output tokens', 'status:succeeded', 'cost', 'cost'),
  preset('Quickest first word', 'Time to first token, lowest first', 'status:succeeded', 'ttft'),
  preset('Big models', '70B and more, fastest first', 'size:70b size:72b size:405b status:succeeded', 'tps'),
  preset('What failed lately', 'Every failure of 30 days, with its code', 'status:failed since:30d', 'measured_at'),
  preset('Measured here', 'With raw samples and intervals', 'origin:measured', 'measured_at'),
];
