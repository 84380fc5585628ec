// A conversation as it goes on: the question is sent, the answer comes as it is written, and can be stopped. It must not know
// components.
import { api, ask, writeHeaders, type Schema } from '../api/client';
import { noAnswer, ProblemError, problemOf, type Problem } from '../api/problem';
import { readEvents } from '../api/sse';

export interface LookUp {
  name: string;
  arguments: unknown;
  links: string[];
}

export interface Source {
  link: string;
  title: string;
}

export interface Turn {
  question: string;
  answer: string;
  lookUps: LookUp[];
  sources: Source[];
  state: 'thinking' | 'answering' | 'done' | 'stopped' | 'failed';
  problem: Problem | null;
  at: string | null;
}

type Told =
  | { event: 'tool_call'; data: LookUp }
  | { event: 'content'; data: { text: string } }
  | { event: 'sources'; data: Source[] }
  | { event: 'done'; data: { at: string } }
  | { event: 'error'; data: { code: string; message: string; retry_after_s?: number | null } };

/** A conversation that was read. */
export function turnsOf(messages: readonly Schema<'Message'>[]): Turn[] {
  return messages.map(({ question, answer, look_ups, at }) => ({
    question, answer, at, lookUps: look_ups as unknown as LookUp[], sources: [], state: 'done', problem: null,
  }));
}

export class Chat {
  id = $state<string | null>(null);
  turns = $state<Turn[]>([]);
  busy = $state(false);
  /** Nobody set an assistant up here. */
  missing = $state(false);
  #stop: AbortController | null = null;

  constructor(
    private readonly podId: string | null = null,
    conversation: Schema<'ConversationDetail'> | null = null,
  ) {
    if (conversation === null) return;
    this.id = conversation.id;
    this.turns = turnsOf(conversation.messages);
  }

  /** Asks, and ends when the answer did, whichever way. The conversation begins with its first question. */
  async ask(question: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.turns.push({ question, answer: '', lookUps: [], sources: [], state: 'thinking', problem: null, at: null });
    // The one in the list is watched, the one that was pushed isn't.
    const turn = this.turns.at(-1)!;
    const stop = new AbortController();
    this.#stop = stop;
    try {
      this.id ??= (await ask(api().POST('/api/v1/assistant/conversations', { body: { pod_id: this.podId } }))).id;
      await this.#hear(turn, question, stop.signal);
    } catch (reason) {
      if (stop.signal.aborted) turn.state = 'stopped';
      else this.#failed(turn, reason instanceof ProblemError ? reason.problem : noAnswer());
    } finally {
      this.busy = false;
      this.#stop = null;
    }
  }

  /** Stops the answer; what came of it stays. */
  stop(): void {
    this.#stop?.abort();
  }

  async #hear(turn: Turn, question: string, signal: AbortSignal): Promise<void> {
    const answer = await fetch(`/api/v1/assistant/conversations/${this.id}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...writeHeaders() },
      body: JSON.stringify({ message: question }),
      signal,
    });
    if (!answer.ok || answer.body === null) {
      throw new ProblemError(problemOf(answer.status, await answer.json().catch(() => null), answer.headers));
    }
    for await (const { event, data } of readEvents(answer.body)) this.#told(turn, { event, data: JSON.parse(data) } as Told);
    if (turn.state === 'thinking' || turn.state === 'answering') throw new ProblemError(noAnswer());
  }

  #told(turn: Turn, told: Told): void {
    if (told.event === 'tool_call') turn.lookUps.push(told.data);
    else if (told.event === 'content') {
      turn.state = 'answering';
      turn.answer += told.data.text;
    } else if (told.event === 'sources') turn.sources = told.data;
    else if (told.event === 'done') {
      turn.state = 'done';
      turn.at = told.data.at;
    } else if (told.event === 'error') {
      const { code, message, retry_after_s } = told.data;
      this.#failed(turn, { ...noAnswer(), status: 503, code, title: 'The answer broke off', detail: message, retry_after_s: retry_after_s ?? null });
    }
  }

  #failed(turn: Turn, problem: Problem): void {
    turn.state = 'failed';
    turn.problem = problem;
    if (problem.code === 'assistant_off') this.missing = true;
  }
}
