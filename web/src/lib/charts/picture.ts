// A chart's drawing as SVG that stands alone: with title, scope, legend and address, and with colours that hold outside this
// page, so that a picture in a report still says what it shows. Only for browsers: it needs computed styles and a canvas.

import { markerPath } from './colors';
import type { Origin } from './export';
import type { Group } from './series';

const SVG = 'http://www.w3.org/2000/svg';
const LINE_PX = 17;
const MARGIN_PX = 16;
const STYLES = [
  'fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-opacity', 'stroke-linejoin', 'paint-order', 'opacity',
  'font-size', 'font-weight', 'text-anchor', 'dominant-baseline', 'visibility',
];
const FONT = 'system-ui, sans-serif';

/** An SVG and its size, px. */
export interface Picture {
  svg: string;
  width: number;
  height: number;
}

/** The drawing with title, scope, legend and address, every colour written out. */
export function asSvg(drawing: SVGSVGElement, origin: Origin, legend: readonly Group[]): Picture {
  const { width, height } = sizeOf(drawing);
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const rgb = colours();
  freeze(drawing, copy, rgb);
  for (const gone of copy.querySelectorAll('[data-interaction]')) gone.remove();
  const page = getComputedStyle(drawing.closest('figure') ?? drawing);
  const ink = rgb(page.color);
  const paper = rgb(opaque(drawing));
  const inner = width - 2 * MARGIN_PX;
  const head: [string, string][] = [
    ...wrap(origin.title, inner, 8.2).map((text): [string, string] => [text, '600']),
    ...wrap(origin.scope, inner, 7).map((text): [string, string] => [text, '400']),
  ];
  const top = MARGIN_PX + head.length * LINE_PX + 6;
  const bottom = top + height + 8;
  const rows = legend.length + wrap(origin.url, inner, 6.6).length;
  const out = document.createElementNS(SVG, 'svg');
  out.setAttribute('xmlns', SVG);
  const all = bottom + rows * LINE_PX + MARGIN_PX;
  setAll(out, { width, height: all, viewBox: `0 0 ${width} ${all}`, 'font-family': FONT });
  out.append(element('rect', { width, height: all, fill: paper }));
  head.forEach(([text, weight], row) =>
    out.append(label(text, MARGIN_PX, MARGIN_PX + 11 + row * LINE_PX, ink, weight === '600' ? 14 : 12, weight)),
  );
  setAll(copy, { x: 0, y: top, width, height });
  copy.removeAttribute('class');
  out.append(copy);
  legend.forEach((group, row) => {
    const y = bottom + row * LINE_PX;
    const [stroke, middle] = [rgb(group.colour), y + 8];
    out.append(element('path', { d: `M${MARGIN_PX} ${middle}h24`, stroke, 'stroke-width': 2, 'stroke-dasharray': group.dash ?? 'none' }));
    const fill = group.note === undefined ? stroke : paper;
    const transform = `translate(${MARGIN_PX + 12} ${middle})`;
    out.append(element('path', { d: markerPath(group.shape, 4.5), transform, fill, stroke, 'stroke-width': 1.5 }));
    // What weakens a figure goes with it wherever the picture does.
    const text = group.note === undefined ? group.label : `${group.label} (${group.note})`;
    out.append(label(text, MARGIN_PX + 32, y + 12, ink, 12, '400'));
  });
  wrap(origin.url, inner, 6.6).forEach((text, row) =>
    out.append(label(text, MARGIN_PX, bottom + (legend.length + row) * LINE_PX + 12, ink, 11, '400')),
  );
  return { svg: new XMLSerializer().serializeToString(out), width, height: all };
}

function sizeOf(drawing: SVGSVGElement): { width: number; height: number } {
  const { width, height } = drawing.viewBox.baseVal;
  return { width, height };
}

/** Writes every style that is in force into the copy, since no style sheet goes with it. */
function freeze(from: Element, to: Element, rgb: (colour: string) => string): void {
  const style = getComputedStyle(from);
  for (const name of STYLES) {
    const value = style.getPropertyValue(name);
    if (value !== '') to.setAttribute(name, name === 'fill' || name === 'stroke' ? rgb(value) : value);
  }
  to.removeAttribute('class');
  to.removeAttribute('style');
  Array.from(from.children).forEach((child, at) => {
    const twin = to.children[at];
    if (twin) freeze(child, twin, rgb);
  });
}

/** Colours as `rgb(…)`: programs that draw SVG seldom know oklch. Paints a pixel of each and looks at it. */
function colours(): (colour: string) => string {
  const known = new Map<string, string>();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  return (colour) => {
    const plain = colour === 'none' || colour.startsWith('url(') || colour.startsWith('rgb');
    if (plain || !context) return colour;
    const before = known.get(colour);
    if (before) return before;
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = resolve(colour);
    context.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0, a = 255] = context.getImageData(0, 0, 1, 1).data;
    const found = a === 255 ? `rgb(${r}, ${g}, ${b})` : `rgba(${r}, ${g}, ${b}, ${(a / 255).toFixed(3)})`;
    known.set(colour, found);
    return found;
  };
}

/** A colour as the page's scheme has it: `light-dark(…)` and variables mean nothing to a canvas. */
function resolve(colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The first background behind the drawing that isn't see-through. */
function opaque(drawing: Element): string {
  for (let at: Element | null = drawing; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== 'transparent' && !/[,/] ?0\)$/.test(colour)) return colour;
  }
  return 'Canvas';
}

/** Breaks a text into lines; `px` is about the width of a letter. */
function wrap(text: string, width: number, px: number): string[] {
  const most = Math.max(20, Math.floor(width / px));
  const lines: string[] = [];
  for (const word of text.split(' ').flatMap((word) => word.match(new RegExp(`.{1,${most}}`, 'g')) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function label(text: string, x: number, y: number, fill: string, size: number, weight: string): SVGElement {
  const found = element('text', { x, y, fill, 'font-size': size, 'font-weight': weight });
  found.textContent = text;
  return found;
}

function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const found = document.createElementNS(SVG, name);
  setAll(found, attributes);
  return found;
}

function setAll(element: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}
