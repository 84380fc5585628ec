// An answer of the assistant as blocks and spans, for the site to draw: no HTML is made on the way. Links lead within the site
// alone; what the server marked as not ours stays marked. It must not know components.

export type Span =
  | { kind: 'text' | 'strong' | 'em' | 'code'; text: string }
  | { kind: 'link'; text: string; href: string }
  /** A figure that is not from our data, or was in the question. */
  | { kind: 'mark'; text: string };

export type Block =
  | { kind: 'paragraph' | 'heading'; spans: Span[] }
  | { kind: 'list'; ordered: boolean; items: Span[][] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Span[][]; rows: Span[][][] };

const MARKS = ['not from our data', 'from your question', 'link removed'];
const INLINE = /\[([^\]\n]*)\]\((\/[^\s)]*)\)|\[(not from our data|from your question|link removed)\]|`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*/g;

/** Spans of a line. */
export function inline(text: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  const plain = (upTo: number) => {
    if (upTo > from) spans.push({ kind: 'text', text: text.slice(from, upTo) });
  };
  for (const match of text.matchAll(INLINE)) {
    const [whole, label, href, mark, code, strong, em] = match;
    plain(match.index);
    from = match.index + whole.length;
    if (href !== undefined) {
      // `//host` would lead away.
      spans.push(href.startsWith('//') ? { kind: 'text', text: label ?? '' } : { kind: 'link', text: label || href, href });
    } else if (mark !== undefined) spans.push({ kind: 'mark', text: mark });
    else if (code !== undefined) spans.push({ kind: 'code', text: code });
    else if (strong !== undefined) spans.push({ kind: 'strong', text: strong });
    else spans.push({ kind: 'em', text: em ?? '' });
  }
  plain(text.length);
  return spans;
}

export function isMark(text: string): boolean {
  return MARKS.includes(text);
}

const cells = (line: string) => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => inline(cell.trim()));
const isRow = (line: string | undefined): line is string => line !== undefined && /^\s*\|.*\|\s*$/.test(line);
const isRule = (line: string | undefined): boolean => line !== undefined && /^\s*\|[\s:|-]+\|\s*$/.test(line);

/** Blocks of an answer, whole or so far. */
export function blocks(answer: string): Block[] {
  const lines = answer.split('\n');
  const all: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (line.trim() === '') {
      at += 1;
    } else if (line.startsWith('```')) {
      const end = lines.findIndex((one, index) => index > at && one.startsWith('```'));
      all.push({ kind: 'code', text: lines.slice(at + 1, end < 0 ? lines.length : end).join('\n') });
      at = end < 0 ? lines.length : end + 1;
    } else if (isRow(line) && isRule(lines[at + 1])) {
      const rows: Span[][][] = [];
      let row = at + 2;
      for (; isRow(lines[row]); row += 1) rows.push(cells(lines[row]!));
      all.push({ kind: 'table', head: cells(line), rows });
      at = row;
    } else if (/^#{1,6}\s/.test(line)) {
      all.push({ kind: 'heading', spans: inline(line.replace(/^#+\s+/, '')) });
      at += 1;
    } else if (item(line) !== null) {
      const ordered = /^\s*\d/.test(line);
      const items: Span[][] = [];
      for (let text = item(line); text !== null; text = item(lines[at] ?? '')) {
        items.push(inline(text));
        at += 1;
      }
      all.push({ kind: 'list', ordered, items });
    } else {
      const begun = at;
      do at += 1;
      while (at < lines.length && lines[at]!.trim() !== '' && item(lines[at]!) === null && !/^(```|#{1,6}\s|\s*\|)/.test(lines[at]!));
      all.push({ kind: 'paragraph', spans: inline(lines.slice(begun, at).join(' ')) });
    }
  }
  return all;
}

function item(line: string): string | null {
  return /^\s*(?:[-*•]|\d+[.)])\s+(.*)$/.exec(line)?.[1] ?? null;
}
