import { describe, expect, it } from 'vitest';
import { isAsked, wishes, wishHref, wishQuery } from './state';

const read = (query: string) => wishes.decode(new URLSearchParams(query));

describe('a wish in its URL', () => {
  it('is read as it was written, with nothing that is default', () => {
    const wish = { ...wishes.initial(), model: 'Llama 3.1 8B', goal: 'slo' as const, ttft_ms: 500 };
    expect(wishHref(wish)).toBe('/recommend?model=Llama+3.1+8B&goal=slo&ttft_ms=500');
    expect(read(wishHref(wish).split('?')[1]!)).toEqual(wish);
  });

  it('understands the links of the assistant', () => {
    expect(read('model=Qwen+2.5+7B&engine=sglang')).toMatchObject({ model: 'Qwen 2.5 7B', engine: 'sglang' });
  });

  it('is asked once there is a model, or the size of one', () => {
    expect(isAsked(read(''))).toBe(false);
    expect(isAsked(read('model=%20'))).toBe(false);
    expect(isAsked(read('parameters=7b'))).toBe(true);
  });
});

describe('what the API is asked', () => {
  it('has what was said, and money as text', () => {
    expect(wishQuery(read('model=x&max_usd_per_hour=2.5&concurrency=8&precision=fp8'))).toEqual({
      model: 'x', engine: 'vllm', goal: 'cheapest', max_usd_per_hour: '2.5', concurrency: 8, precision: 'fp8',
    });
  });
});
