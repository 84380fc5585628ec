// One accessor says the same in title, tooltip, table and sort, and never takes "not known" for 0.
import { describe, expect, it } from 'vitest';
import { axisTitle, cellText, compareRows, describe as say, withUnit, type Accessor } from './accessor';
import { exportHead, rowsAsCsv, rowsAsJson } from './export';
import { parseCsv } from './csv';
import { accessorOf, METRICS, type MetricKey } from './figures';
import { spreadNote, words } from './series';
import { lookOf } from './colors';

interface Row {
  ttft: { value: number; n: number; ci95: number[] } | null;
  at: number;
}
const rows: Row[] = [
  { ttft: { value: 20, n: 40, ci95: [19, 21.5] }, at: 1 },
  { ttft: null, at: 2 },
  { ttft: { value: 5, n: 12, ci95: [4, 6] }, at: 3 },
];
const y = accessorOf<Row>('ttft', (row) => row.ttft);
const x: Accessor<Row> = { key: 'streams', label: 'Streams', unit: '', better: 'none', format: String, value: (row) => row.at };

describe('an accessor', () => {
  it('gives axis, words, table and files the same label, unit and value', () => {
    const row = rows[0]!;
    expect(axisTitle(y)).toBe('Time to first token (ms)');
    expect(say(y, row)).toBe('Time to first token 20 ms (95 % CI 19 to 21.5, n 40)');
    expect(cellText(y, row)).toBe('20');
    expect(words({ key: 'a', label: 'vLLM', ...lookOf('VLLM') }, row, x, y)).toBe(
      'vLLM: Streams 1, Time to first token 20 ms (95 % CI 19 to 21.5, n 40)',
    );
    expect(exportHead([y])).toEqual([
      'time_to_first_token_ms', 'time_to_first_token_ms_ci95_low', 'time_to_first_token_ms_ci95_high', 'time_to_first_token_ms_n',
    ]);
  });

  it('shows a dash for what is not known, leaves it empty in CSV and null in JSON', () => {
    const row = rows[1]!;
    expect(withUnit(y, y.value(row))).toBe('–');
    expect(cellText(y, row)).toBe('–');
    expect(parseCsv(rowsAsCsv([x, y], rows))[2]).toEqual(['2', '', '', '', '']);
    const json = JSON.parse(rowsAsJson([x, y], rows, { title: 't', scope: 's', url: 'u' }));
    expect(json.rows[1]).toEqual({
      streams: 2, time_to_first_token_ms: null, time_to_first_token_ms_ci95_low: null, time_to_first_token_ms_ci95_high: null,
      time_to_first_token_ms_n: null,
    });
    expect(json.columns[1]).toEqual({ key: 'time_to_first_token_ms', label: 'Time to first token', unit: 'ms', better: 'lower' });
  });

  it('sorts by value, with what is not known last in both directions', () => {
    const order = (descending: boolean) => [...rows].sort(compareRows(y, descending)).map((row) => row.at);
    expect(order(false)).toEqual([3, 1, 2]);
    expect(order(true)).toEqual([1, 3, 2]);
  });

  it('has a unit in its name wherever it has one', () => {
    const ending: Record<MetricKey, RegExp> = {
      tps: /_per_second$/, ttft: /_ms$/, itl: /_ms$/, latency: /_s$/, rps: /_per_second$/, cost: /^usd_/,
    };
    for (const [key, metric] of Object.entries(METRICS)) expect(metric.key).toMatch(ending[key as MetricKey]);
  });
});

describe('the note under a title', () => {
  it('says n, and of how many an interval is known', () => {
    expect(spreadNote(rows, y)).toBe('n 12 to 40; bars are 95 % confidence intervals where known (2 of 3)');
    expect(spreadNote(rows.slice(0, 1), y)).toBe('n 40; bars are 95 % confidence intervals');
    expect(spreadNote(rows.slice(1, 2), y)).toBe('n isn’t known; no confidence interval is known');
  });
});
