// Server-sent events that survive a broken line: taken up again behind the last one, with growing pauses. What state the line is
// in is told, so that a page never looks live when it isn't. It must not know what events say.
import { readEvents, type SentEvent } from './api/sse';

export type LiveState = 'connecting' | 'live' | 'disconnected' | 'paused' | 'ended';

export interface LiveOptions {
  url: string;
  /** Where to begin: the id of the last event that is known already. */
  after?: string;
  onEvent: (event: SentEvent) => void;
  onState?: (state: LiveState) => void;
  /** The first pause before another try, and the longest. */
  firstPauseMs?: number;
  longestPauseMs?: number;
  fetchOf?: typeof fetch;
}

/** A line that is followed from construction until `close`, a pause, or the server's word that no more comes (204). */
export class Live {
  #state: LiveState = 'connecting';
  #lastId: string;
  #tries = 0;
  #attempt: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly options: LiveOptions) {
    this.#lastId = options.after ?? '';
    if (typeof addEventListener === 'function') addEventListener('online', this.#retryNow);
    this.#connect();
  }

  get state(): LiveState {
    return this.#state;
  }

  get lastId(): string {
    return this.#lastId;
  }

  pause(): void {
    if (this.#state === 'ended') return;
    this.#stop();
    this.#enter('paused');
  }

  resume(): void {
    if (this.#state === 'paused') this.#connect();
  }

  close(): void {
    this.#stop();
    if (typeof removeEventListener === 'function') removeEventListener('online', this.#retryNow);
    this.#enter('ended');
  }

  readonly #retryNow = (): void => {
    if (this.#state !== 'disconnected') return;
    this.#stop();
    this.#connect();
  };

  #stop(): void {
    this.#attempt?.abort();
    this.#attempt = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #enter(state: LiveState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.options.onState?.(state);
  }

  #connect(): void {
    this.#enter('connecting');
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#follow(attempt.signal).then(
      (over) => (over ? this.close() : undefined),
      () => undefined,
    ).finally(() => {
      if (!attempt.signal.aborted) this.#wait();
    });
  }

  /** Follows one connection until it ends; true: nothing will ever come again. */
  async #follow(signal: AbortSignal): Promise<boolean> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.#lastId !== '') headers['Last-Event-ID'] = this.#lastId;
    const answer = await (this.options.fetchOf ?? fetch)(this.options.url, { headers, signal });
    if (answer.status === 204) return true;
    if (!answer.ok || answer.body === null) return false;
    this.#enter('live');
    for await (const event of readEvents(answer.body)) {
      if (signal.aborted) return false;
      this.#tries = 0;
      if (event.id !== '') this.#lastId = event.id;
      this.options.onEvent(event);
    }
    return false;
  }

  #wait(): void {
    const { firstPauseMs = 1000, longestPauseMs = 15000 } = this.options;
    this.#enter('disconnected');
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#tries);
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#connect(), pauseMs);
  }
}
