// What somebody set on a chart (log axis, table, hidden series), as text in the address: so a shared link opens the same.

/** A chart's settings. What is the default isn't written. */
export interface ChartState {
  log: boolean;
  table: boolean;
  /** Keys of series that were switched off. */
  hidden: string[];
}

export const DEFAULT_STATE: ChartState = { log: false, table: false, hidden: [] };

/** The name of the parameter of a chart. */
export function parameterOf(id: string): string {
  return `chart.${id}`;
}

/** `log,table,-vllm` or null where all is as it was. */
export function encodeState(state: ChartState): string | null {
  const parts = [
    ...(state.log ? ['log'] : []),
    ...(state.table ? ['table'] : []),
    ...state.hidden.map((key) => `-${encodeURIComponent(key)}`),
  ];
  return parts.length === 0 ? null : parts.join(',');
}

/** The same back; what isn't known is left out. */
export function decodeState(text: string | null): ChartState {
  const parts = (text ?? '').split(',').filter((part) => part !== '');
  return {
    log: parts.includes('log'),
    table: parts.includes('table'),
    hidden: parts.filter((part) => part.startsWith('-')).map((part) => decoded(part.slice(1))),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address with a chart's settings in it. */
export function withState(url: URL, id: string, state: ChartState): URL {
  const found = new URL(url);
  const text = encodeState(state);
  if (text === null) found.searchParams.delete(parameterOf(id));
  else found.searchParams.set(parameterOf(id), text);
  return found;
}
