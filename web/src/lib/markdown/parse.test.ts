// Our documents as a tree: nothing of them is lost, and none of it is HTML.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inline, parse, slug, textOf, type Block } from './parse';

const text = (value: string) => [{ kind: 'text', text: value }];

describe('Markdown', () => {
  it('knows headings, with the ids that GitHub gives them', () => {
    expect(parse('# The `17` columns\n\n## Same\n## Same').map((block) => 'id' in block && block.id)).toEqual([
      'the-17-columns', 'same', 'same-1',
    ]);
    expect(slug('Comparable, or not')).toBe('comparable-or-not');
  });
  it('joins the lines of paragraphs and items', () => {
    expect(parse('one\ntwo\n\n- a\n  b\n- c')).toEqual([
      { kind: 'paragraph', inside: text('one two') },
      { kind: 'list', ordered: false, items: [text('a b'), text('c')] },
    ]);
    expect(parse('so:\n1. a\n2. b')[1]).toEqual({ kind: 'list', ordered: true, items: [text('a'), text('b')] });
  });
  it('knows tables, escaped bars, and columns of numbers', () => {
    expect(parse('| a | b |\n|---|--:|\n| x \\| y | 2 |\n')).toEqual([
      { kind: 'table', head: [text('a'), text('b')], rows: [[text('x | y'), text('2')]], numeric: [false, true] },
    ]);
  });
  it('leaves code as it is', () => {
    expect(parse('```sh\n# not a heading\n| no | table |\n```')).toEqual([{ kind: 'code', text: '# not a heading\n| no | table |' }]);
    expect(inline('a `**b**` c')).toEqual([...text('a '), { kind: 'code', text: '**b**' }, ...text(' c')]);
  });
  it('knows bold, emphasis and links, and takes multiplication for what it is', () => {
    expect(inline('**the [x](#y)**')).toEqual([{ kind: 'strong', inside: [...text('the '), { kind: 'link', href: '#y', inside: text('x') }] }]);
    expect(inline('*meant* 2 * 3 * 4')).toEqual([{ kind: 'em', inside: text('meant') }, ...text(' 2 * 3 * 4')]);
  });
  it('links nowhere but within the document and to the web', () => {
    expect(inline('[a](javascript:alert(1))')[0]).toMatchObject({ kind: 'em' });
    expect(inline('[money](money.md)')[0]).toMatchObject({ kind: 'em' });
    expect(inline('[w](https://example.org/x)')[0]).toMatchObject({ kind: 'link' });
  });
  it('keeps HTML as text', () => {
    expect(parse('<script>alert(1)</script>')).toEqual([{ kind: 'paragraph', inside: text('<script>alert(1)</script>') }]);
  });
});

describe('docs/methodology.md', () => {
  const source = readFileSync(new URL('../../../../docs/methodology.md', import.meta.url), 'utf8');
  const blocks = parse(source);
  it('is read to its last word', () => {
    const said = blocks.map(wordsOf).join(' ');
    const words = (of: string) => (of.match(/[\p{L}\p{N}]+/gu) ?? []).length;
    const links = source.replace(/\]\([^)]*\)/g, ']').replace(/^```\w+/gm, '');
    expect(words(said)).toBe(words(links.replace(/^(\d+)\. /gm, '')));
  });
  it('has every section that its own links and our charts name', () => {
    const ids = blocks.flatMap((block) => (block.kind === 'heading' ? [block.id] : []));
    const named = [...source.matchAll(/\]\(#([^)]+)\)/g)].map(([, id]) => id);
    for (const id of [...named, 'set-up-times', 'do-two-results-differ', 'every-gap-between-tokens', 'the-three-views', 'cost']) {
      expect(ids).toContain(id);
    }
  });
});

function wordsOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return block.text;
    case 'paragraph':
      return textOf(block.inside);
    case 'list':
      return block.items.map(textOf).join(' ');
    case 'table':
      return [...block.head, ...block.rows.flat()].map(textOf).join(' ');
    case 'code':
      return block.text;
  }
}
