// What a chart writes as CSV reads back as it was, and no cell runs in a spreadsheet.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toCsv } from '$lib/export';
import { csvRecords, parseCsv } from './csv';
import { rowsAsCsv } from './export';

describe('CSV', () => {
  it('reads quotes, commas, and line breaks inside of cells', () => {
    expect(parseCsv('a,b\r\n"x, ""y""","1\n2"\r\n,\r\n')).toEqual([['a', 'b'], ['x, "y"', '1\n2'], ['', '']]);
    expect(csvRecords('a,b\n1,2')).toEqual([{ a: '1', b: '2' }]);
  });
  it('comes back as it was written, whatever is in it', () => {
    const cell = fc.string().filter((text) => !/^[=+\-@\t\r]/.test(text) && !/^\r?\n?$/.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
        expect(parseCsv(toCsv(['x', 'y'], rows))).toEqual([['x', 'y'], ...rows]);
      }),
    );
  });
  it('disarms formulas in names, but not negative numbers', () => {
    const name = { key: 'model', label: 'Model', text: () => '=HYPERLINK("http://x")' };
    const value = { key: 'v', label: 'V', unit: '', better: 'none' as const, format: String, value: () => -3 };
    expect(parseCsv(rowsAsCsv([name, value], [{}]))[1]).toEqual(['\'=HYPERLINK("http://x")', '-3']);
  });
});
