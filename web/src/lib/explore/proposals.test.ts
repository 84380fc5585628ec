import { describe, expect, it } from 'vitest';
import { proposals } from './proposals';

const known = { gpu: ['NVIDIA H200', 'NVIDIA L4'], engine: ['VLLM', 'Ollama'] };
const texts = (typed: string) => proposals(typed, known).map(({ text }) => text);

describe('proposals', () => {
  it('are names of filters for the word that is typed, and keep what is before it', () => {
    expect(texts('engine:VLLM gp')).toEqual(['engine:VLLM gpu:', 'engine:VLLM gpu_count:']);
    expect(texts('tt')).toEqual(['ttft:<']);
  });

  it('are all filters where nothing is typed', () => {
    expect(texts('').length).toBeGreaterThan(10);
  });

  it('are values that runs have, quoted where they need it', () => {
    expect(texts('gpu:h2')).toEqual(['gpu:"NVIDIA H200" ']);
    expect(texts('engine:')).toEqual(['engine:VLLM ', 'engine:Ollama ']);
    expect(texts('engine:vllm')).toEqual([]);
  });

  it('are spans for since, and nothing for a filter that does not exist', () => {
    expect(texts('since:3')).toEqual(['since:30d ']);
    expect(texts('color:')).toEqual([]);
  });
});
