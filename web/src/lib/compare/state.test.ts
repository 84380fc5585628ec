import { describe, expect, it } from 'vitest';
import { compareHref, comparisonOf, without } from './state';

const read = (query: string) => comparisonOf(new URLSearchParams(query));

describe('a comparison in its URL', () => {
  it('has its runs in their order, each once, one by one or with commas', () => {
    expect(read('r=a&r=b&r=a').r).toEqual(['a', 'b']);
    expect(read('r=a,b, c').r).toEqual(['a', 'b', 'c']);
  });

  it('has the first run as baseline unless another one is named', () => {
    expect(read('r=a&r=b').base).toBe('a');
    expect(read('r=a&r=b&base=b').base).toBe('b');
    expect(read('r=a&r=b&base=z').base).toBe('a');
  });

  it('is read as it was written', () => {
    const link = compareHref(['x/1', 'y 2', 'z'], 'y 2');
    expect(read(link.split('?')[1]!)).toEqual({ r: ['x/1', 'y 2', 'z'], base: 'y 2' });
    expect(compareHref(['a', 'b'], 'a')).toBe('/compare?r=a&r=b');
  });

  it('goes on without a run, and without its baseline', () => {
    expect(without({ r: ['a', 'b', 'c'], base: 'b' }, 'a')).toBe('/compare?r=b&r=c');
    expect(without({ r: ['a', 'b', 'c'], base: 'c' }, 'a')).toBe('/compare?r=b&r=c&base=c');
    expect(without({ r: ['a', 'b', 'c'], base: 'b' }, 'b')).toBe('/compare?r=a&r=c');
  });
});
