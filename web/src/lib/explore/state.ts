// What the explorer shows, as its URL says it: filters, order, page, what the frontier's y axis is, and which runs are picked to
// compare. It must not know components.
import { filterFields, type Bound, type Facet, type Filters } from '../filters';
import { codec, href, list, oneOf, text, type State } from '../url-state';

export const SORTS = ['measured_at', 'ttft', 'tps', 'itl', 'latency', 'cost'] as const;
export type Sort = (typeof SORTS)[number];

/** Rows of a page. */
export const PAGE_ROWS = 25;
/** The most runs that compare. */
export const MOST_PICKED = 6;

const fields = {
  ...filterFields,
  sort: oneOf(SORTS, 'measured_at'),
  order: oneOf(['', 'asc', 'desc'], ''),
  cursor: text(),
  y: oneOf(['total', 'output', 'cost'], 'total'),
  pick: list(),
};

export const explorer = codec(fields);
export type Explorer = State<typeof fields>;

/** Whether more of it is better: what the API sorts by first. */
const DESCENDING_FIRST: Record<Sort, boolean> = { measured_at: true, tps: true, ttft: false, itl: false, latency: false, cost: false };

/** The order that holds. */
export function orderOf(state: Explorer): 'asc' | 'desc' {
  if (state.order !== '') return state.order;
  return DESCENDING_FIRST[state.sort] ? 'desc' : 'asc';
}

/** Where a view is. Parameters that aren't the explorer's, such as a chart's settings, stay. */
export function explorerHref(state: Explorer, beside?: URLSearchParams): string {
  return href('/', explorer.encode(state, beside));
}

/** The same view with other filters, from its first page. */
export function withFilters(state: Explorer, filters: Filters): Explorer {
  return { ...state, ...filters, cursor: '' };
}

/** The same view in the order of a column; asked again, the other way round. */
export function sortedBy(state: Explorer, sort: Sort): Explorer {
  const turned = state.sort === sort ? (orderOf(state) === 'asc' ? 'desc' : 'asc') : '';
  const first = DESCENDING_FIRST[sort] ? 'desc' : 'asc';
  return { ...state, sort, order: turned === first ? '' : turned, cursor: '' };
}

/** A run picked or not; a seventh isn't. */
export function picked(state: Explorer, id: string, on: boolean): Explorer {
  const others = state.pick.filter((one) => one !== id);
  return { ...state, pick: on ? [...others, id].slice(0, MOST_PICKED) : others };
}

/** Whether a view is the one that somebody comes to: nothing filtered, nothing sorted. */
export function isPlain(state: Explorer): boolean {
  return explorer.encode({ ...state, pick: [], y: 'total' }).size === 0;
}

/** A value as the facets list it. */
export interface FacetValue {
  value: string;
  count: number;
  selected: boolean;
}

/** Facet values after a click on one. Part of a name that was typed (`h100`) gives way to the values that it meant. */
export function toggled(state: Explorer, facet: Facet, values: readonly FacetValue[], value: string): Explorer {
  const exact = values.filter((one) => one.selected).map((one) => one.value);
  const chosen = state[facet].length === 0 ? [] : exact;
  const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
  return { ...state, [facet]: next, cursor: '' };
}

/** The API's parameters of a view's rows. */
export function rowsQuery(state: Explorer, filters: Partial<Filters>) {
  return {
    ...numbered(filters),
    sort: state.sort,
    order: orderOf(state),
    limit: PAGE_ROWS,
    ...(state.cursor === '' ? {} : { cursor: state.cursor }),
  };
}

/** Filters with counts of GPUs as the numbers that the API wants. */
export function numbered(filters: Partial<Filters>) {
  const { gpu_count, ...rest } = filters;
  type Query = { [K in Exclude<Facet, 'gpu_count'>]?: string[] } & { gpu_count?: number[] } & {
    [K in `${Bound}_${'min' | 'max'}`]?: number;
  } & { since?: string; until?: string; text?: string };
  return { ...rest, ...(gpu_count === undefined ? {} : { gpu_count: gpu_count.map(Number) }) } as Query;
}
