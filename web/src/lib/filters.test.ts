import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDS, chips, FACETS, filters, parse, toQuery, toText, type Filters } from './filters';

const value = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((said) => !/[\n\r\u2028\u2029]/.test(said));
const bound = fc.option(fc.nat({ max: 100000 }).map((tenths) => tenths / 10));
// Words of a search are kept apart by one space each.
const free = fc.array(fc.stringMatching(/^[^\s"\\]{1,8}$/), { maxLength: 3 }).map((words) => words.join(' '));
const states: fc.Arbitrary<Filters> = fc.record({
  ...(Object.fromEntries(FACETS.map(([key]) => [
    key,
    key === 'gpu_count' ? fc.uniqueArray(fc.nat({ max: 8 }).map(String), { maxLength: 2 }) : fc.uniqueArray(value, { maxLength: 2 }),
  ])) as Record<(typeof FACETS)[number][0], fc.Arbitrary<string[]>>),
  ...(Object.fromEntries(BOUNDS.flatMap(([key]) => [[`${key}_min`, bound], [`${key}_max`, bound]])) as Record<
    `${(typeof BOUNDS)[number][0]}_${'min' | 'max'}`, fc.Arbitrary<number | null>>),
  since: fc.constantFrom('', '30d', '2026-11-01'),
  until: fc.constantFrom('', '12h'),
  text: free,
});

describe('filters as text', () => {
  it('reads what the issue shows', () => {
    const { filters: found, problems } = parse('engine:vllm gpu:h100 model:llama ttft:<500 tps:>100 cost:<1 since:30d');
    expect(problems).toEqual([]);
    expect(toQuery(found)).toEqual({
      engine: ['vllm'], gpu: ['h100'], model: ['llama'], ttft_max: 500, tps_min: 100, cost_max: 1, since: '30d',
    });
  });

  it('means the same after being written as text', () => {
    fc.assert(fc.property(states, (state) => {
      const again = parse(toText(state));
      expect(again.problems).toEqual([]);
      expect(again.filters).toEqual(state);
    }), { numRuns: 300 });
  });

  it('means the same after being written into the URL', () => {
    fc.assert(fc.property(states, (state) => {
      expect(filters.decode(new URLSearchParams(filters.encode(state).toString()))).toEqual(state);
    }));
  });

  it('keeps names with spaces together by quotes, before or behind the colon', () => {
    expect(parse('gpu:"NVIDIA H200" model:"Llama 3.1 8B" fast').filters).toMatchObject({
      gpu: ['NVIDIA H200'], model: ['Llama 3.1 8B'], text: 'fast',
    });
  });

  it('collects several values of a facet, each once', () => {
    expect(parse('engine:vllm engine:sglang engine:vllm').filters.engine).toEqual(['vllm', 'sglang']);
  });

  it('knows short names of facets', () => {
    expect(parse('size:7b state:failed gpus:2 version:0.11').filters).toMatchObject({
      parameter_size: ['7b'], status: ['failed'], gpu_count: ['2'], engine_version: ['0.11'],
    });
  });

  it.each([
    ['color:red', 'color: is no filter'],
    ['ttft:fast', 'ttft:fast needs < or > and a number'],
    ['ttft:<', 'ttft:< needs'],
    ['engine:', 'engine: has no value'],
    ['gpus:many', 'gpu_count:many needs a whole number'.replace('gpu_count', 'gpus')],
  ])('says why %s is none', (typed, problem) => {
    expect(parse(typed).problems[0]).toContain(problem);
    expect(toQuery(parse(typed).filters)).toEqual({});
  });
});

describe('chips of filters', () => {
  it('are one for each thing that holds, and each takes itself away', () => {
    const state = parse('engine:vllm engine:sglang ttft:<500 ttft:>10 since:7d llama').filters;
    const all = chips(state);
    expect(all.map((chip) => chip.text)).toEqual(['engine:vllm', 'engine:sglang', 'ttft:>10', 'ttft:<500', 'since:7d', 'llama']);
    expect(toText(all[0]!.without)).toBe('engine:sglang ttft:>10 ttft:<500 since:7d llama');
    expect(toText(all[3]!.without)).not.toContain('ttft:<');
    expect(chips(all.at(-1)!.without).some((chip) => chip.label === 'Text')).toBe(false);
  });
});
