// A matrix's cells as a grid: a row a model, a column an engine on a GPU.

import type { CellReport, CellState } from './types';

export interface Column {
  key: string;
  engine: string;
  gpu: string;
}

export interface Grid {
  columns: Column[];
  rows: { model: string; cells: (CellReport[])[] }[];
}

/** A state as an icon and a word. */
export const CELL_STATES: Record<CellState, { icon: string; word: string }> = {
  planned: { icon: '○', word: 'planned' },
  running: { icon: '▶', word: 'running' },
  done: { icon: '✓', word: 'done' },
  failed: { icon: '✕', word: 'failed' },
  skipped: { icon: '–', word: 'skipped' },
  cancelled: { icon: '⊘', word: 'cancelled' },
};

/** Rows and columns in the order in which cells first name them. A place may hold several cells (repeats), or none. */
export function gridOf(cells: readonly CellReport[]): Grid {
  const columns: Column[] = [];
  const models: string[] = [];
  const places = new Map<string, CellReport[]>();
  for (const cell of [...cells].sort((a, b) => a.cell - b.cell)) {
    const gpu = cell.gpu_count > 1 ? `${cell.gpu_count} × ${cell.gpu}` : cell.gpu;
    const key = `${cell.engine} ${gpu}`;
    if (!columns.some((column) => column.key === key)) columns.push({ key, engine: cell.engine, gpu });
    if (!models.includes(cell.model)) models.push(cell.model);
    const place = `${cell.model}\n${key}`;
    places.set(place, [...(places.get(place) ?? []), cell]);
  }
  return {
    columns,
    rows: models.map((model) => ({ model, cells: columns.map(({ key }) => places.get(`${model}\n${key}`) ?? []) })),
  };
}

/** What is said of a cell beside its state: its reason, tries and cost. */
export function cellInWords(cell: CellReport): string {
  const parts = [
    CELL_STATES[cell.state].word,
    cell.reason ?? '',
    cell.attempts > 1 ? `${cell.attempts} tries` : '',
    Number(cell.spent_usd) > 0 ? `USD ${cell.spent_usd}` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
