// The Markdown of our own documents as a tree: headings, paragraphs, lists, tables, code. It makes no HTML, so nothing in a
// document can. Whatever it doesn't know it keeps as text.

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong'; inside: Inline[] }
  | { kind: 'em'; inside: Inline[] }
  | { kind: 'link'; href: string; inside: Inline[] };

export type Block =
  | { kind: 'heading'; level: number; id: string; text: string; inside: Inline[] }
  | { kind: 'paragraph'; inside: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][]; numeric: boolean[] }
  | { kind: 'code'; text: string };

/** A heading's id as GitHub makes it, so that links work in both places. */
export function slug(heading: string): string {
  return heading.trim().toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
}

/** The blocks of a document. */
export function parse(text: string): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  const ids = new Map<string, number>();
  let at = 0;
  const line = () => lines[at] ?? '';
  const take = (until: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && !until(line())) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const heading = /^(#{1,6}) +(.+?)\s*$/.exec(line());
    if (line().trim() === '') at += 1;
    else if (heading) {
      const said = heading[2] ?? '';
      const plain = textOf(inline(said));
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, id: unique(slug(plain), ids), text: plain, inside: inline(said) });
      at += 1;
    } else if (/^```/.test(line())) {
      at += 1;
      blocks.push({ kind: 'code', text: take((one) => /^```/.test(one)).join('\n') });
      at += 1;
    } else if (isTable(lines, at)) blocks.push(table(take((one) => !one.startsWith('|'))));
    else if (ITEM.test(line())) blocks.push(list(take((one) => one.trim() === '' || (!ITEM.test(one) && !/^\s/.test(one)))));
    else {
      const paragraph = take((one) => one.trim() === '' || /^(#{1,6} |```)/.test(one) || ITEM.test(one) || one.startsWith('|'));
      // A line that begins like something it isn't is text all the same.
      if (paragraph.length === 0) paragraph.push(lines[at++] ?? '');
      blocks.push({ kind: 'paragraph', inside: inline(paragraph.map((one) => one.trim()).join(' ')) });
    }
  }
  return blocks;
}

const ITEM = /^(?:[-*]|\d+\.) +/;

function isTable(lines: readonly string[], at: number): boolean {
  return (lines[at] ?? '').startsWith('|') && /^\|[\s:|-]+\|?\s*$/.test(lines[at + 1] ?? '');
}

function cells(row: string): Inline[][] {
  const inner = row.trim().replace(/^\||\|$/g, '');
  return inner.split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll('\\|', '|')));
}

function table(lines: readonly string[]): Block {
  const [head = '', rule = '', ...rows] = lines;
  const numeric = rule.trim().replace(/^\||\|$/g, '').split('|').map((cell) => /-:\s*$/.test(cell));
  return { kind: 'table', head: cells(head), rows: rows.map(cells), numeric };
}

function list(lines: readonly string[]): Block {
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ''));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return { kind: 'list', ordered: /^\d/.test(lines[0] ?? ''), items: items.map(inline) };
}

function unique(id: string, ids: Map<string, number>): string {
  const before = ids.get(id) ?? 0;
  ids.set(id, before + 1);
  return before === 0 ? id : `${id}-${before}`;
}

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])/g;

/** A line's parts. */
export function inline(text: string): Inline[] {
  const parts: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) });
    const [, code, strong, label, href, em] = match;
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (strong !== undefined) parts.push({ kind: 'strong', inside: inline(strong) });
    else if (label !== undefined && href !== undefined) parts.push(link(label, href));
    else if (em !== undefined) parts.push({ kind: 'em', inside: inline(em) });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) });
  return parts;
}

/** Links within the document and to the web lead there; those to files beside it lead nowhere on this site, so they are text. */
function link(label: string, href: string): Inline {
  const inside = inline(label);
  return /^(#|https?:\/\/)/.test(href) ? { kind: 'link', href, inside } : { kind: 'em', inside };
}

/** The words of a line without their marks. */
export function textOf(parts: readonly Inline[]): string {
  return parts.map((part) => ('text' in part ? part.text : textOf(part.inside))).join('');
}
