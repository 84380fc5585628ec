// Settings of a chart while a page shows it. A page that provides a keeper has them in its address; without one, the chart
// keeps them itself.

import { getContext, setContext } from 'svelte';
import { DEFAULT_STATE, type ChartState } from './state';

/** Keeps the settings of charts by their id. */
export interface Keeper {
  get: (id: string) => ChartState;
  set: (id: string, state: ChartState) => void;
  /** The address that shows this chart as it is. */
  link: (id: string) => string;
}

const KEY = Symbol('keeper of chart settings');

/** To be called while a page's component starts. */
export function provideKeeper(keeper: Keeper): void {
  setContext(KEY, keeper);
}

/** A chart's settings; to be made while its component starts. */
export class ChartSettings {
  #own = $state<ChartState>(DEFAULT_STATE);
  readonly #keeper = getContext<Keeper | undefined>(KEY);
  readonly #id: () => string;

  constructor(id: () => string) {
    this.#id = id;
  }

  get current(): ChartState {
    return this.#keeper ? this.#keeper.get(this.#id()) : this.#own;
  }

  set(change: Partial<ChartState>): void {
    const next = { ...this.current, ...change };
    if (this.#keeper) this.#keeper.set(this.#id(), next);
    else this.#own = next;
  }

  /** Switches a series on or off. */
  toggle(key: string): void {
    const { hidden } = this.current;
    this.set({ hidden: hidden.includes(key) ? hidden.filter((one) => one !== key) : [...hidden, key] });
  }

  get link(): string {
    return this.#keeper?.link(this.#id()) ?? `${location.href.split('#')[0]}#${this.#id()}`;
  }
}
