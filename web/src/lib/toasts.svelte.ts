// Short messages about what somebody just did. What must be read or decided belongs on the page or into a dialog.
import { advice, ProblemError } from './api/problem';

export interface Toast {
  id: number;
  tone: 'good' | 'bad';
  text: string;
}

const SHOWN_MS = 6000;

class Toasts {
  shown = $state<Toast[]>([]);
  #next = 1;

  say(text: string, tone: Toast['tone'] = 'good'): void {
    const id = this.#next;
    this.#next += 1;
    this.shown.push({ id, tone, text });
    // What went wrong stays until it is closed.
    if (tone === 'good') setTimeout(() => this.close(id), SHOWN_MS);
  }

  /** Says what went wrong and what to do. */
  fail(reason: unknown): void {
    if (reason instanceof ProblemError) this.say(`${reason.problem.title}. ${reason.problem.detail} ${advice(reason.problem)}`, 'bad');
    else this.say('Something went wrong. Reload the page and try again.', 'bad');
  }

  close(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
