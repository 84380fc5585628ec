// The API's types that charts draw, by short names. Generated from the OpenAPI document, so a change there fails the build here.

import type { components } from '$lib/api/schema';

type Schemas = components['schemas'];

export type Figure = Schemas['Figure'];
export type Configuration = Schemas['Configuration'];
export type Frontier = Schemas['Frontier'];
export type Trends = Schemas['Trends'];
export type MetricBeside = Schemas['MetricBeside'];
export type ValueBeside = Schemas['ValueBeside'];
export type RunFacts = Schemas['RunFacts'];
export type Columns = Schemas['Columns'];
export type Step = Schemas['Step'];
export type Attempt = Schemas['Attempt'];
export type CellReport = Schemas['CellReport'];
export type CellState = Schemas['CellState'];
export type PriceHistory = Schemas['PriceHistory'];
export type PriceSpan = Schemas['PriceSpan'];
export type Latest = Schemas['Latest'];
export type Gpu = Schemas['Gpu'];
export type Model = Schemas['Model'];
