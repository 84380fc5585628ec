// Charts' settings in the page's address, for pages. Call it once while a page's component starts.

import { goto } from '$app/navigation';
import { page } from '$app/state';
import { provideKeeper } from './settings.svelte';
import { decodeState, parameterOf, withState } from './state';

export function chartSettingsInAddress(): void {
  provideKeeper({
    get: (id) => decodeState(page.url.searchParams.get(parameterOf(id))),
    set: (id, state) => {
      // Not a step in the history: Back leaves the page, it doesn't undo a checkbox.
      void goto(withState(page.url, id, state), { replaceState: true, noScroll: true, keepFocus: true });
    },
    link: (id) => {
      const url = new URL(page.url);
      url.hash = id;
      return url.href;
    },
  });
}
