import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocks, inline, type Block, type Span } from './markdown';

const spansOf = (block: Block): Span[] =>
  block.kind === 'code' ? [] : block.kind === 'list' ? block.items.flat() : block.kind === 'table' ? [...block.head, ...block.rows.flat()].flat() : block.spans;

describe('an answer as spans', () => {
  it('has numbers that lead to where they are from', () => {
    expect(inline('It makes [1,234](/results/a?x=1) tokens/s')).toEqual([
      { kind: 'text', text: 'It makes ' }, { kind: 'link', text: '1,234', href: '/results/a?x=1' }, { kind: 'text', text: ' tokens/s' },
    ]);
  });

  it('keeps what the server marked as not ours', () => {
    expect(inline('about 5 [not from our data].')[1]).toEqual({ kind: 'mark', text: 'not from our data' });
  });

  it('never leads off the site, whatever is written', () => {
    for (const text of ['[x](https://evil.example)', '[x](//evil.example)', '[x](javascript:alert(1))', '[x]( /a)']) {
      expect(inline(text).some((span) => span.kind === 'link')).toBe(false);
    }
    fc.assert(fc.property(fc.string(), (text) => {
      for (const block of blocks(text)) {
        for (const span of spansOf(block)) if (span.kind === 'link') expect(span.href).toMatch(/^\/(?!\/)/);
      }
    }));
  });

  it('has emphasis and code', () => {
    expect(inline('**fast** *and* `vllm`').map(({ kind }) => kind)).toEqual(['strong', 'text', 'em', 'text', 'code']);
  });
});

describe('an answer as blocks', () => {
  it('has paragraphs, headings, lists, code and tables', () => {
    const answer = '## Which\nvLLM wins.\nBy far.\n\n- a\n- b\n\n1. x\n\n```\ncode\n```\n\n| GPU | tok/s |\n|---|---|\n| H200 | 5 |\n';
    expect(blocks(answer).map(({ kind }) => kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'code', 'table']);
    expect(blocks(answer)[5]).toEqual({
      kind: 'table', head: [[{ kind: 'text', text: 'GPU' }], [{ kind: 'text', text: 'tok/s' }]],
      rows: [[[{ kind: 'text', text: 'H200' }], [{ kind: 'text', text: '5' }]]],
    });
  });

  it('is drawn while it still comes', () => {
    const answer = '# A\n\n- one\n- two\n\n```\nx\n```\n| a | b |\n|---|---|\n| 1 | 2 |';
    for (let length = 0; length <= answer.length; length += 1) expect(() => blocks(answer.slice(0, length))).not.toThrow();
  });

  it('loses no word of a text, whatever it is', () => {
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1 }), fc.constantFrom(' ', '\n', '\n\n', '\n- '), (words, gap) => {
      const drawn = blocks(words.join(gap)).flatMap(spansOf).map(({ text }) => text).join(' ');
      for (const word of words) expect(drawn).toContain(word);
    }));
  });
});
