import { describe, expect, it } from 'vitest';
import { parse, toQuery } from '../filters';
import { explorer, explorerHref, isPlain, orderOf, picked, rowsQuery, sortedBy, toggled, withFilters } from './state';

const plain = explorer.initial();

describe('the explorer in its URL', () => {
  it('is nothing at all as somebody comes to it', () => {
    expect(explorerHref(plain)).toBe('/');
    expect(isPlain(plain)).toBe(true);
    expect(isPlain({ ...plain, pick: ['a'] })).toBe(true);
    expect(isPlain(sortedBy(plain, 'tps'))).toBe(false);
  });

  it('leaves the settings of a chart where they are', () => {
    expect(explorerHref(sortedBy(plain, 'tps'), new URLSearchParams('c.frontier=log'))).toBe('/?c.frontier=log&sort=tps');
  });

  it('begins at the first page again when filters change', () => {
    const later = { ...plain, cursor: 'abc' };
    expect(withFilters(later, parse('engine:vllm').filters).cursor).toBe('');
    expect(sortedBy(later, 'cost').cursor).toBe('');
  });
});

describe('sorting', () => {
  it('begins with the best, and turns round when asked again', () => {
    const fastest = sortedBy(plain, 'tps');
    expect([orderOf(fastest), fastest.order]).toEqual(['desc', '']);
    const slowest = sortedBy(fastest, 'tps');
    expect(orderOf(slowest)).toBe('asc');
    expect(sortedBy(slowest, 'tps')).toEqual(fastest);
    expect(orderOf(sortedBy(slowest, 'ttft'))).toBe('asc');
  });

  it('asks the API in words of the API', () => {
    const state = withFilters(sortedBy(plain, 'ttft'), parse('gpus:2 ttft:<500').filters);
    expect(rowsQuery(state, toQuery(parse('gpus:2 ttft:<500').filters))).toEqual({
      gpu_count: [2], ttft_max: 500, sort: 'ttft', order: 'asc', limit: 25,
    });
  });
});

describe('picking runs to compare', () => {
  it('keeps their order, and no more than six', () => {
    let state = plain;
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) state = picked(state, id, true);
    expect(state.pick).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(picked(state, 'b', false).pick).toEqual(['a', 'c', 'd', 'e', 'f']);
  });
});

describe('facets', () => {
  const values = [
    { value: 'NVIDIA H100 SXM', count: 3, selected: true },
    { value: 'NVIDIA H100 PCIe', count: 1, selected: true },
    { value: 'NVIDIA L4', count: 2, selected: false },
  ];

  it('add and take away values', () => {
    const none = values.map((one) => ({ ...one, selected: false }));
    const one = toggled(plain, 'gpu', none, 'NVIDIA L4');
    expect(one.gpu).toEqual(['NVIDIA L4']);
    const selected = none.map((all) => ({ ...all, selected: all.value === 'NVIDIA L4' }));
    expect(toggled(one, 'gpu', selected, 'NVIDIA L4').gpu).toEqual([]);
  });

  it('replace a part of a name by the values that it meant', () => {
    const typed = { ...plain, gpu: ['h100'] };
    expect(toggled(typed, 'gpu', values, 'NVIDIA H100 PCIe').gpu).toEqual(['NVIDIA H100 SXM']);
    expect(toggled(typed, 'gpu', values, 'NVIDIA L4').gpu).toEqual(['NVIDIA H100 SXM', 'NVIDIA H100 PCIe', 'NVIDIA L4']);
  });
});
