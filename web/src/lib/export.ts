// Rows and drawings as files: CSV of a table, PNG of a drawing. It must not know which.

export type Cell = string | number | boolean | null | undefined;

/** RFC 4180, with a head. What isn't known is empty; a text that a spreadsheet would run as a formula is disarmed. */
export function toCsv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n';
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  const plain = String(cell);
  // As the API's own CSV: a text that is a number stays one.
  const isFormula = typeof cell === 'string' && /^[=+\-@\t\r]/.test(plain) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain);
  const text = isFormula ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A drawing as PNG, `scale` dots to a pixel. */
export async function toPng(svg: string, widthPx: number, heightPx: number, scale = 2): Promise<Blob> {
  const address = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [Math.round(widthPx * scale), Math.round(heightPx * scale)];
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws on no canvas');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
    if (blob === null) throw new Error('the drawing is too large for a PNG');
    return blob;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** A file name of a title: lower case, digits and dashes. */
export function fileName(title: string, ending: string): string {
  const stem = title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 80);
  return `${stem === '' ? 'dria-bench' : stem}.${ending}`;
}

/** Gives the browser a file to keep. */
export function download(name: string, content: Blob | string, type = 'text/plain;charset=utf-8'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the file up by the next turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}
