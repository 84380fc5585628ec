// Types of SvelteKit's that are ours to say: what an error page gets.
import type { Problem } from '$lib/api/problem';

declare global {
  namespace App {
    interface Error {
      message: string;
      /** What the API said, or what became of the request. */
      problem?: Problem;
    }
  }
}

export {};
