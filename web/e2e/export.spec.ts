// What a chart gives to keep: CSV that parses, JSON, SVG that stands alone, PNG that decodes.
import { expect, test, type Page } from '@playwright/test';
import { inflateSync } from 'node:zlib';
import { parseCsv } from '../src/lib/charts/csv';
import { chart, exported, runOf } from './charts';

const TITLE = 'Time to first token against concurrency';

async function open(page: Page) {
  const { id, run } = await runOf(page, 'status=succeeded&origin=measured&model=Simulated%208B');
  await page.goto(`/results/${id}`);
  const report = await (await page.request.get(`/api/v1/runs/${run}`)).json();
  return { figure: chart(page, TITLE), results: report.results as { rate: number | null; measured: { percentiles: { time_to_first_token_ms: { mean: number; n: number; ci95: number[] } } } }[] };
}

test('CSV has every point in full precision, with interval and n', async ({ page }) => {
  const { figure, results } = await open(page);
  const { name, content } = await exported(page, figure, 'CSV');
  expect(name).toBe('time-to-first-token-against-concurrency.csv');
  const [head = [], ...rows] = parseCsv(content.toString());
  expect(rows).toHaveLength(results.length);
  const at = (column: string) => head.indexOf(column);
  for (const row of rows) {
    const streams = row[at('streams')];
    const found = results.find(({ rate }) => String(rate ?? '') === streams)?.measured.percentiles.time_to_first_token_ms;
    expect(Number(row[at('time_to_first_token_ms')])).toBe(found?.mean);
    expect(Number(row[at('time_to_first_token_ms_n')])).toBe(found?.n);
    expect(Number(row[at('time_to_first_token_ms_ci95_low')])).toBe(found?.ci95?.[0] ?? 0);
  }
});

test('JSON says what the rows are and where they are from', async ({ page }) => {
  const { figure, results } = await open(page);
  const { content } = await exported(page, figure, 'JSON');
  const said = JSON.parse(content.toString());
  expect(said.title).toBe(TITLE);
  expect(said.scope).toContain('lower is better');
  expect(said.url).toContain('#concurrency-ttft');
  expect(said.rows).toHaveLength(results.length);
  expect(said.columns.find((column: { key: string }) => column.key === 'time_to_first_token_ms')).toMatchObject({ unit: 'ms', better: 'lower' });
});

test('SVG stands alone: title and colours are in it, no variable, no class', async ({ page }) => {
  const { figure } = await open(page);
  const svg = (await exported(page, figure, 'SVG')).content.toString();
  expect(svg).toMatch(/^<svg[^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  expect(svg).toContain(TITLE);
  expect(svg).toContain('(simulated engine)');
  expect(svg).not.toMatch(/var\(|oklch|light-dark|class=|style=|<script/);
  const alone = await page.context().newPage();
  await alone.goto(`data:image/svg+xml,${encodeURIComponent(svg)}`);
  expect(await alone.evaluate(() => document.querySelector('parsererror'))).toBeNull();
  expect(await alone.evaluate(() => document.querySelectorAll('path').length)).toBeGreaterThan(9);
});

test('PNG decodes to a picture with more than one colour', async ({ page }) => {
  const { figure } = await open(page);
  const { name, content } = await exported(page, figure, 'PNG');
  expect(name).toMatch(/\.png$/);
  const { width, height, colours } = decoded(content);
  expect(width).toBeGreaterThan(600);
  expect(height).toBeGreaterThan(400);
  expect(colours).toBeGreaterThan(10);
});

/** Size and number of colours of a PNG with 8 bits a channel, as browsers write it. */
function decoded(png: Buffer): { width: number; height: number; colours: number } {
  expect(png.subarray(0, 8)).toEqual(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]));
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const channels = png[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const size = png.readUInt32BE(at);
    if (png.subarray(at + 4, at + 8).toString() === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const lines = inflateSync(Buffer.concat(parts));
  expect(lines.length).toBe(height * (1 + width * channels));
  // Filtered bytes are no colours, but of a picture of one colour all of them are the same.
  const seen = new Set<number>();
  for (let at = 0; at + channels < lines.length; at += channels) seen.add(lines.readUIntBE(at, 3));
  return { width, height, colours: seen.size };
}
