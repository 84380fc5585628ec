import { describe, expect, it } from 'vitest';
import { bytes, change, count, counted, dateTime, day, durationMs, durationS, number, percent, relativeTime, usd } from './format';

const UNKNOWN = '–';

describe('numbers', () => {
  it.each([
    [0, '0'], [0.012345, '0.0123'], [0.5, '0.5'], [1.234, '1.23'], [9.999, '10'], [12.345, '12.3'], [99.97, '100'], [123.4, '123'],
    [12345.6, '12,346'], [-1.5, '-1.5'], [0.0000001234, '0.00000012'],
  ])('%d is shown as %s', (value, shown) => expect(number(value)).toBe(shown));

  it('that are not known are a dash and never 0', () => {
    for (const show of [number, count, durationMs, durationS, percent, change, bytes]) {
      expect(show(null)).toBe(UNKNOWN);
      expect(show(undefined)).toBe(UNKNOWN);
      expect(show(Number.NaN)).toBe(UNKNOWN);
    }
    expect(usd(null)).toBe(UNKNOWN);
    expect(usd('')).toBe(UNKNOWN);
  });

  it('count with their word', () => {
    expect(counted(1, 'run')).toBe('1 run');
    expect(counted(100000, 'run')).toBe('100,000 runs');
    expect(counted(2, 'entry', 'entries')).toBe('2 entries');
  });

  it.each([[0.1234, '12 %'], [0.0123, '1.2 %'], [1, '100 %']])('share %d is %s', (value, shown) => expect(percent(value)).toBe(shown));

  it.each([[0.25, '+25 %'], [-0.0312, '−3.1 %'], [0, '±0 %'], [0.0001, '±0 %'], [12.5, '+1,250 %']])('change %d is %s', (value, shown) =>
    expect(change(value)).toBe(shown));

  it.each([[0, '0 B'], [1023, '1,023 B'], [1536, '1.5 KiB'], [3 * 1024 ** 3, '3 GiB']])('%d bytes are %s', (value, shown) =>
    expect(bytes(value)).toBe(shown));
});

describe('money', () => {
  it.each([
    ['12.500000', '$12.50'], ['0.004200', '$0.0042'], ['0.5', '$0.50'], ['0', '$0.00'], ['1234.5', '$1,234.50'], ['-2', '−$2.00'], ['0.999', '$1.00'],
  ])('%s is %s', (value, shown) => expect(usd(value)).toBe(shown));

  it('that is no number is a dash', () => expect(usd('much')).toBe(UNKNOWN));
});

describe('durations', () => {
  it.each([[0.42, '0.42 ms'], [123.4, '123 ms'], [999.6, '1 s'], [1234, '1.23 s'], [250000, '4 min 10 s']])('%d ms is %s', (value, shown) =>
    expect(durationMs(value)).toBe(shown));

  it.each([[59.96, '1 min'], [3600, '1 h'], [7500, '2 h 5 min'], [3 * 86400 + 4 * 3600, '3 d 4 h'], [-5, '−5 s']])('%d s is %s', (value, shown) =>
    expect(durationS(value)).toBe(shown));
});

describe('times', () => {
  const now = new Date('2026-11-24T12:00:00Z');

  it.each([
    ['2026-11-24T11:59:40Z', 'just now'], ['2026-11-24T11:59:00Z', '1 minute ago'], ['2026-11-21T12:00:00Z', '3 days ago'],
    ['2026-11-24T14:00:00Z', 'in 2 hours'], ['2024-01-01T00:00:00Z', '2 years ago'],
  ])('%s is %s', (at, shown) => expect(relativeTime(at, now)).toBe(shown));

  it('are exact in UTC', () => {
    expect(dateTime('2026-11-24T19:44:28.123+02:00')).toBe('2026-11-24 17:44 UTC');
    expect(day('2026-11-24T23:59:59Z')).toBe('2026-11-24');
    expect(dateTime('yesterday')).toBe(UNKNOWN);
    expect(relativeTime(null, now)).toBe(UNKNOWN);
  });
});
