import { describe, expect, it } from 'vitest';
import { fileName, toCsv } from './export';

describe('CSV', () => {
  it('quotes what would break a row', () => {
    expect(toCsv(['a', 'b'], [['x, y', 'say "hi"'], ['two\nlines', 3]])).toBe('a,b\r\n"x, y","say ""hi"""\r\n"two\nlines",3\r\n');
  });

  it('leaves empty what is not known, and keeps 0', () => {
    expect(toCsv(['a', 'b', 'c'], [[null, undefined, 0]])).toBe('a,b,c\r\n,,0\r\n');
  });

  it.each(['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', '-', '+cmd|x', '-Infinity'])('disarms %j', (text) => {
    expect(toCsv(['a'], [[text]]).split('\r\n').slice(1).join('\r\n')).toMatch(/^"?'/);
  });

  it.each(['-5', '+5', '-0.5', '-1e-9', '+.5'])('leaves the number %s a number, though it is a text', (text) => {
    expect(toCsv(['a'], [[text]])).toBe(`a\r\n${text}\r\n`);
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
