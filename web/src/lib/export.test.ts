import { describe, expect, it } from 'vitest';
import { fileName, toCsv } from './export';

describe('CSV', () => {
  it('quotes what would break a row', () => {
    expect(toCsv(['a', 'b'], [['x, y', 'say "hi"'], ['two\nlines', 3]])).toBe('a,b\r\n"x, y","say ""hi"""\r\n"two\nlines",3\r\n');
  });

  it('leaves empty what is not known, and keeps 0', () => {
    expect(toCsv(['a', 'b', 'c'], [[null, undefined, 0]])).toBe('a,b,c\r\n,,0\r\n');
  });

  it('lets no text be a formula, and keeps negative numbers numbers', () => {
    expect(toCsv(['a', 'b'], [['=HYPERLINK("x")', -5]])).toBe('a,b\r\n"\'=HYPERLINK(""x"")",-5\r\n');
  });
});

describe('file names', () => {
  it('are made of plain letters, digits and dashes', () => {
    expect(fileName('TTFT (ms) — Llama 3.1 8B', 'csv')).toBe('ttft-ms-llama-3-1-8b.csv');
    expect(fileName('…', 'png')).toBe('dria-bench.png');
  });
});
