// The time as the page shows it: one clock for all, a tick a half minute, so that "just now" doesn't stay on a page for an hour.

class Now {
  date = $state(new Date());

  constructor() {
    if (typeof window !== 'undefined') setInterval(() => (this.date = new Date()), 30_000);
  }
}

export const now = new Now();
