// What was set on a chart survives the way through an address.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeState, DEFAULT_STATE, encodeState, withState } from './state';

describe('settings in an address', () => {
  it('come back as they were', () => {
    const state = fc.record({ log: fc.boolean(), table: fc.boolean(), hidden: fc.array(fc.string({ unit: 'grapheme-ascii' })) });
    fc.assert(fc.property(state, (one) => void expect(decodeState(encodeState(one))).toEqual(one)));
  });
  it('are not there while nothing is set', () => {
    expect(encodeState(DEFAULT_STATE)).toBeNull();
    const url = withState(new URL('http://x/trends?metric=ttft&chart.a=log'), 'a', DEFAULT_STATE);
    expect(url.search).toBe('?metric=ttft');
  });
  it('leave the rest of the address alone', () => {
    const url = withState(new URL('http://x/?engine=vllm'), 'a', { log: true, table: false, hidden: ['b,c'] });
    expect(url.searchParams.get('engine')).toBe('vllm');
    expect(decodeState(url.searchParams.get('chart.a')).hidden).toEqual(['b,c']);
  });
  it('take a broken address for what it can mean', () => {
    expect(decodeState('log,-%E0%A4%A,zzz')).toEqual({ log: true, table: false, hidden: ['%E0%A4%A'] });
  });
});
