// Colour, marker and dash of a series: a hue and a shape per engine family, lightness and dash per variant within it. Hues are
// far apart for colour-blind eyes too (blue, orange, green, purple), and no meaning rests on colour alone.

export type Shape = 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'hexagon';

interface Family {
  shape: Shape;
  hue: number;
  chroma: number;
}

const FAMILIES: Record<string, Family> = {
  vllm: { shape: 'circle', hue: 255, chroma: 0.17 },
  sglang: { shape: 'square', hue: 50, chroma: 0.15 },
  ollama: { shape: 'triangle', hue: 160, chroma: 0.13 },
  llamacpp: { shape: 'diamond', hue: 325, chroma: 0.19 },
  truth: { shape: 'cross', hue: 90, chroma: 0.03 },
};
const OTHER: Family = { shape: 'hexagon', hue: 20, chroma: 0.02 };

/** How a series is drawn. Colours are CSS, and follow the page's colour scheme. */
export interface Look {
  colour: string;
  shape: Shape;
  /** `stroke-dasharray`; undefined: solid. */
  dash: string | undefined;
}

const DASHES = [undefined, '7 3', '2 3', '9 3 2 3'];

/** An engine's name as a key: `llama.cpp` and `LLAMACPP` are one. */
export function engineFamily(engine: string): string {
  const key = engine.toLowerCase().replace(/[^a-z]/g, '');
  return key in FAMILIES ? key : 'other';
}

/** Whether an engine is the instrument's own simulator: its figures say nothing of any GPU. */
export function isSimulated(engine: string): boolean {
  return engineFamily(engine) === 'truth';
}

/** The look of an engine's `variant`-th series, from 0. */
export function lookOf(engine: string, variant = 0): Look {
  const { shape, hue, chroma } = FAMILIES[engineFamily(engine)] ?? OTHER;
  // Three shades, then the next hue's neighbour and another dash: twelve before anything repeats.
  const shade = variant % 3;
  const turn = Math.floor(variant / 3) % 4;
  const light = [0.52, 0.42, 0.6][shade] ?? 0.52;
  const dark = [0.74, 0.84, 0.64][shade] ?? 0.74;
  const h = hue + turn * 9;
  return {
    colour: `light-dark(oklch(${light} ${chroma} ${h}), oklch(${dark} ${Math.min(chroma, 0.14)} ${h}))`,
    shape,
    dash: DASHES[(shade + turn) % DASHES.length],
  };
}

/** Looks of series in their order: those of one engine are variants of its hue. */
export function looksOf(engines: readonly string[]): Look[] {
  const seen = new Map<string, number>();
  return engines.map((engine) => {
    const family = engineFamily(engine);
    const variant = seen.get(family) ?? 0;
    seen.set(family, variant + 1);
    return lookOf(engine, variant);
  });
}

/** A marker's outline around 0, 0; `size` is about half its width. */
export function markerPath(shape: Shape, size: number): string {
  const s = size;
  const polygon = (corners: readonly (readonly [number, number])[]) =>
    `M${corners.map(([x, y]) => `${(x * s).toFixed(2)} ${(y * s).toFixed(2)}`).join('L')}Z`;
  switch (shape) {
    case 'circle':
      return `M${-s} 0a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0Z`;
    case 'square':
      return polygon([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]);
    case 'triangle':
      return polygon([[0, -1.15], [1.1, 0.85], [-1.1, 0.85]]);
    case 'diamond':
      return polygon([[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]]);
    case 'cross':
      return polygon([
        [-1.1, -0.35], [-0.35, -0.35], [-0.35, -1.1], [0.35, -1.1], [0.35, -0.35], [1.1, -0.35],
        [1.1, 0.35], [0.35, 0.35], [0.35, 1.1], [-0.35, 1.1], [-0.35, 0.35], [-1.1, 0.35],
      ]);
    case 'hexagon':
      return polygon([[-0.55, -0.95], [0.55, -0.95], [1.1, 0], [0.55, 0.95], [-0.55, 0.95], [-1.1, 0]]);
  }
}
