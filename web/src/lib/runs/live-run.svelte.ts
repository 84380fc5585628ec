// A run that is followed while it goes on: its events as they happen, and its whole state soon after each. It must not know pages.
import { Live, type LiveState } from '../live';
import { merged, type RunEvent } from './events';

/** Between two readings of the whole run, however many events come. */
const PAUSE_MS = 700;
/** Progress within a step is no event. */
const QUIET_MS = 5000;

export class LiveRun {
  state = $state<LiveState>('ended');
  /** Those that came by the line. */
  events = $state.raw<RunEvent[]>([]);
  /** ms since 1970; moves while the line is live. */
  now = $state(Date.now());
  #live: Live | null = null;
  #due: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly reload: () => Promise<unknown>) {}

  /** Follows a run from behind the last event that is known. Returns how to stop. */
  follow(id: string, known: readonly RunEvent[]): () => void {
    this.events = [];
    const live = new Live({
      url: `/api/v1/runs/${encodeURIComponent(id)}/events`,
      after: String(known.at(-1)?.id ?? 0),
      onEvent: ({ data }) => this.#take(data),
      onState: (state) => {
        const back = state === 'live' && this.state !== 'live';
        this.state = state;
        if (back || state === 'ended') this.#soon();
      },
    });
    this.#live = live;
    this.state = live.state;
    const clock = setInterval(() => live.state === 'live' && (this.now = Date.now()), 500);
    const quiet = setInterval(() => live.state === 'live' && this.#soon(), QUIET_MS);
    return () => {
      clearInterval(clock);
      clearInterval(quiet);
      live.close();
      if (this.#due !== null) clearTimeout(this.#due);
      this.#due = null;
    };
  }

  pause(): void {
    this.#live?.pause();
  }

  resume(): void {
    this.#live?.resume();
  }

  #take(data: string): void {
    this.events = merged(this.events, [JSON.parse(data) as RunEvent]);
    this.#soon();
  }

  #soon(): void {
    if (this.#due !== null || this.state === 'paused') return;
    this.#due = setTimeout(() => {
      this.#due = null;
      void this.reload();
    }, PAUSE_MS);
  }
}
