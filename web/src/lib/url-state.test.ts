import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codec, flag, href, list, number, oneOf, text } from './url-state';

const fields = { words: list(), limit: number(), wrap: flag(), open: flag(true), order: oneOf(['asc', 'desc'], 'asc'), search: text() };
const plain = codec(fields);

// What the fields can hold: texts of a list are not empty and differ, numbers are finite and have no negative zero.
const states = fc.record({
  words: fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' })),
  limit: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  wrap: fc.boolean(),
  open: fc.boolean(),
  order: fc.constantFrom('asc' as const, 'desc' as const),
  search: fc.string({ unit: 'grapheme' }),
});

describe('the codec of a URL', () => {
  it('gives back every state that it wrote, through the text of a URL', () => {
    fc.assert(fc.property(states, (state) => {
      const written = new URLSearchParams(plain.encode(state).toString());
      expect(plain.decode(written)).toEqual(state);
    }));
  });

  it('writes nothing of a state that is the default', () => {
    expect(plain.encode(plain.initial()).toString()).toBe('');
    expect(href('/', plain.encode(plain.initial()))).toBe('/');
  });

  it('writes what differs and nothing else', () => {
    expect(plain.encode({ ...plain.initial(), limit: 5, open: false }).toString()).toBe('limit=5&open=false');
  });

  it('takes the default where a value makes no sense, whatever the URL says', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (limit, order) => {
      const read = plain.decode(new URLSearchParams({ limit, order }));
      expect(read.limit === null || Number.isFinite(read.limit)).toBe(true);
      expect(['asc', 'desc']).toContain(read.order);
    }));
    expect(plain.decode(new URLSearchParams('limit=many&order=up&wrap=2')).limit).toBeNull();
  });

  it('leaves parameters alone that are not its own', () => {
    const beside = new URLSearchParams('theme=x&limit=3');
    expect(plain.encode({ ...plain.initial(), limit: 4 }, beside).toString()).toBe('theme=x&limit=4');
  });

  it('keeps two codecs on one page apart by their prefix', () => {
    const chart = codec({ limit: number() }, 'chart_');
    const both = chart.encode({ limit: 9 }, plain.encode({ ...plain.initial(), limit: 1 }));
    expect(both.toString()).toBe('limit=1&chart_limit=9');
    expect(plain.decode(both).limit).toBe(1);
    expect(chart.decode(both).limit).toBe(9);
  });

  it('shares no list between states', () => {
    plain.initial().words.push('vllm');
    expect(plain.initial().words).toEqual([]);
  });
});
