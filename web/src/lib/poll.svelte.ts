// Lists that stay current: asked again every few seconds, unless it is paused, or the window is out of sight. A page says how it
// went, so that it never looks live when the server is away. It must not know what is asked.
import type { LiveState } from './live';

export class Poll {
  paused = $state(false);
  /** Set by the page from its last answer. */
  lost = $state(false);
  #busy = false;

  constructor(private readonly again: () => Promise<unknown>, private readonly everyMs = 4000) {}

  get state(): LiveState {
    return this.paused ? 'paused' : this.lost ? 'disconnected' : 'live';
  }

  /** Begins; call what comes back to end it. Fits `$effect` and `onMount`. */
  start(): () => void {
    const timer = setInterval(() => void this.#tick(), this.everyMs);
    return () => clearInterval(timer);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    void this.#tick();
  }

  async #tick(): Promise<void> {
    // Slow answers aren't overtaken, and nobody looks at a hidden window.
    if (this.paused || this.#busy || document.visibilityState === 'hidden') return;
    this.#busy = true;
    try {
      await this.again();
    } finally {
      this.#busy = false;
    }
  }
}
