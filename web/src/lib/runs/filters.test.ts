import { describe, expect, it } from 'vitest';
import { parseRunFilters, runChips, runFilters, runFiltersText, runQuery } from './filters';

describe('filters of runs', () => {
  it('are read from text, with other words for the same', () => {
    const { filters, problems } = parseRunFilters('state:FAILED gpu:"NVIDIA H200" since:7d llama 8b');
    expect(problems).toEqual([]);
    expect(runQuery(filters)).toEqual({ status: 'failed', gpu: 'NVIDIA H200', since: '7d', text: 'llama 8b' });
  });

  it('come back as the text that means them', () => {
    const typed = 'state:failed engine:vllm provider:local model:"Llama 3" since:7d tiny';
    expect(runFiltersText(parseRunFilters(typed).filters)).toBe(typed);
  });

  it('have a chip each, which takes itself away', () => {
    const { filters } = parseRunFilters('state:failed engine:vllm');
    expect(runChips(filters).map(({ without }) => runFiltersText(without))).toEqual(['engine:vllm', 'state:failed']);
  });

  it('say what is no filter and no value', () => {
    expect(parseRunFilters('colour:red').problems[0]).toContain('colour: is no filter; there are state,');
    expect(parseRunFilters('state:broken').problems[0]).toContain('none of pending, running');
    expect(parseRunFilters('engine:').problems[0]).toContain('has no value');
  });

  it('are not believed where the URL has what is none', () => {
    expect(runQuery(runFilters.decode(new URLSearchParams('status=broken&engine=vllm')))).toEqual({ engine: 'vllm' });
  });
});
